"""Options that commands share are told once; help names what there is."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import click
import pytest
from commands import invoke

import neurosim as ns
from neurosim import cli, presets, recipes, streams
from neurosim.cli import COMMANDS, main
from neurosim.streams.fetch import DATASETS

# Options that have a name in common, and nothing else: what they do, their type or their default differs.
HOMONYMS = {
    "--rate", "--state", "--snapshot-seconds", "--record", "--restart", "--out", "--only",
    "--list", "--samples", "--set", "--skip-bad", "--key", "--keys",
}  # fmt: skip
DECLARING = {"click.option", "_shared"}


def declared():
    """Return the files that declare each option."""
    files = defaultdict(list)
    for path in sorted(Path(cli.__file__).parent.glob("*.py")):
        calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
        for call in calls:
            if ast.unparse(call.func) in DECLARING and isinstance(call.args[0], ast.Constant):
                files[call.args[0].value].append(path.name)
    return files


def test_a_shared_option_is_declared_once():
    files = declared()
    assert files["--root"] == files["--json"] == ["options.py"]
    assert {name for name, where in files.items() if len(where) > 1} == HOMONYMS


def leaves(command, name=""):
    """Give every command with its words, those within groups too."""
    if isinstance(command, click.Group):
        for inner in command.list_commands(None):
            yield from leaves(command.get_command(None, inner), f"{name} {inner}".strip())
    else:
        yield name, command


def test_options_of_one_name_have_one_type_in_all_commands():
    kinds = defaultdict(set)
    for _, command in leaves(main):
        for option in command.params:
            if isinstance(option, click.Option):
                kinds[option.opts[0]].add((repr(option.type), option.is_flag, option.multiple))
    assert {name for name, found in kinds.items() if len(found) > 1} <= HOMONYMS


def test_help_is_there_for_every_command():
    for name, command in leaves(main):
        shown = invoke(*name.split(), "--help").stdout
        for option in command.params:
            assert not isinstance(option, click.Option) or option.opts[0] in shown
        assert not re.search(r"{\w+}", shown)  # a field that nobody filled in
    assert {name.split()[0] for name, _ in leaves(main)} == set(COMMANDS)


def words(text):
    return " ".join(text.split())


def test_help_names_what_there_is():
    shown = words(invoke("stream", "--help").stdout)
    sources = f"Sources: {words(streams.KNOWN)}."
    assert sources.replace(" ", "") in shown.replace(" ", "")  # help breaks lines after hyphens, too
    assert f"Recipes: {', '.join(recipes.NAMES)}." in shown
    example = shown.partition("A whole chip as published, such as ")[2].partition(". ")[0]
    assert example.replace(" ", "") in presets.names()
    shown = words(invoke("data", "get", "--help").stdout)
    for name in DATASETS:
        assert name in shown
    assert "mnist, cifar10" in words(invoke("data", "--help").stdout)


@pytest.mark.parametrize("recipe", recipes.NAMES)
def test_a_recipe_that_help_names_is_one(recipe):
    assert isinstance(recipes.named(recipe, 3), ns.DenseWTA)


def test_no_two_options_of_a_command_share_a_name():
    # One seed for first weights and for random gaps is on purpose, and told by the help.
    from collections import Counter
    from dataclasses import fields

    from neurosim.cli import bench, cost, judge, stream
    from neurosim.cli.options import ArrivalOptions, ChipOptions, SourceOptions

    for options in (cost.CostOptions, bench.BenchOptions, judge.JudgeOptions, stream.StreamOptions):
        bases = [base for base in (ArrivalOptions, ChipOptions, SourceOptions) if issubclass(options, base)]
        own = set(options.__annotations__)
        names = Counter(entry.name for base in bases for entry in fields(base)) + Counter(own)
        assert {name for name, count in names.items() if count > 1} <= {"seed"}


@pytest.mark.parametrize("command", ["bench", "cost"])
def test_help_says_in_which_formats_figures_are_drawn(command):
    assert "the ending says in which format: .png, .svg, .pdf" in " ".join(invoke(command, "--help").stdout.split())
