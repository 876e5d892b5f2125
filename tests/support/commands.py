"""The command line, called in this process."""

import json

from click.testing import CliRunner

from neurosim.cli import main


def invoke(*arguments, code=0, stdin=None):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result


def stream(*arguments, **options):
    return json.loads(invoke("stream", *arguments, "--json", **options).stdout)
