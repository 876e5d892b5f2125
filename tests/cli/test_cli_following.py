"""`neurosim stream --novelty` and `--prequential`: the summary, fields of records, resuming, and what is refused."""

import json
import subprocess
import threading

import numpy as np
import pytest
from commands import invoke, stream
from processes import COMMAND

import neurosim as ns
from neurosim.state import store

RNG = np.random.default_rng(4)
ROWS, LABELS = RNG.integers(1, 9, (240, 4)).astype(np.float32), RNG.integers(0, 3, 240)
BARE = [",".join(map(str, row)) for row in ROWS.astype(int).tolist()]
LINES = "".join(f"{row},{label}\n" for row, label in zip(BARE, LABELS, strict=True))
PIPE = ("stream", "-", "--inputs", 4, "--label", -1, "--neurons", 5, "--seed", 2)
FIELDS = ("--emit", "novelty,threshold,novel,predicted,label")
FOLLOWING = ("--novelty", "shortfall,entropy", "--novelty-quantile", 0.9, "--prequential", "--label-share", 0.5)


def followed():
    """Return the scores and names of a chip as the command makes it, and both objects."""
    chip = ns.Chip([ns.recipes.softhebb(5)], inputs=4, seed=2)
    novelty = ns.Novelty(chip, ("shortfall", "entropy"), quantile=0.9)
    prequential, scores, said = ns.Prequential(chip, share=0.5, seed=2), [], []

    class Both:
        wants = novelty.wants

        def take(self, batch):
            novelty.take(batch)
            prequential.take(batch)
            scores.extend(zip(novelty.scores, novelty.thresholds, novelty.flags, strict=True))
            said.extend(prequential.predicted)

    ns.run(chip, ns.streams.ArrayStream(ROWS, LABELS), listener=Both())
    return scores, said, novelty, prequential


@pytest.mark.parametrize("emit", [(), FIELDS])
def test_the_summary_says_what_was_novel_and_how_often_names_were_right(emit):
    _, _, novelty, prequential = followed()
    result = invoke(*PIPE, *FOLLOWING, *emit, "--json", stdin=LINES)
    summary = json.loads(result.stderr.splitlines()[-1] if emit else result.stdout)
    assert summary["novel"] == novelty.novel > 0
    assert summary["novelty_threshold"] == novelty.threshold
    assert {key: summary[key] for key in prequential.summary()} == prequential.summary()
    assert summary["prequential_samples"] == 240 > summary["prequential_labels"] > 60


def test_the_table_has_a_row_for_each():
    shown = invoke(*PIPE, *FOLLOWING, stdin=LINES).stdout
    _, _, novelty, prequential = followed()
    assert f"novel  {novelty.novel} samples; the threshold is {novelty.threshold:.3g} now" in shown
    assert f"prequential  {prequential.accuracy:.2%} of 240 samples before their labels" in shown


def test_records_have_scores_names_and_labels():
    scores, said, _, _ = followed()
    lines = invoke(*PIPE, *FOLLOWING, *FIELDS, "--emit-format", "ndjson", stdin=LINES).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["novelty"] for record in records] == [score for score, _, _ in scores]
    thresholds = [None if threshold == np.inf else threshold for _, threshold, _ in scores]
    assert [record["threshold"] for record in records] == thresholds
    assert [record["novel"] for record in records] == [int(flag) for *_, flag in scores]
    assert [record["predicted"] for record in records] == [None if name < 0 else name for name in said]
    assert [record["label"] for record in records] == LABELS.tolist()


def test_fields_alone_are_scored_by_the_defaults():
    lines = invoke(*PIPE, *FIELDS, "--emit-format", "ndjson", stdin=LINES).stdout.splitlines()
    chip, found = ns.Chip([ns.recipes.softhebb(5)], inputs=4, seed=2), [json.loads(line) for line in lines]
    novelty = ns.Novelty(chip)
    assert [record["novelty"] for record in found] == [novelty.learn_one(chip.learn_one(x)).novelty for x in ROWS]


@pytest.mark.parametrize(
    "options", [(*FOLLOWING, *FIELDS), pytest.param(FIELDS, marks=pytest.mark.slow)], ids=["options", "fields alone"]
)
def test_a_filter_that_was_killed_goes_on_with_the_same_records(tmp_path, options):
    whole = invoke(*PIPE, *options, stdin=LINES).stdout.splitlines()[1:]
    state = tmp_path / "chip.h5"
    kept = ("--state", state, "--snapshot-samples", 50, "--snapshot-seconds", 0)
    command = [*COMMAND, *map(str, (*PIPE, *options, *kept))]
    lines = LINES.splitlines(keepends=True)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        process.stdin.write("".join(lines[:180]))
        process.stdin.flush()
        answered = [process.stdout.readline() for _ in range(181)]
        process.kill()
        watchdog.cancel()
    assert answered[-1].rstrip() == whole[179]
    position = store.read(state).position
    assert position in (100, 150)
    result = invoke(*PIPE, *options, *kept, stdin="".join(lines[position:]))
    assert result.stdout.splitlines()[1:] == whole[position:]


def test_a_state_goes_on_with_its_numbers_or_begins_anew_with_restart(tmp_path):
    state = ("--state", tmp_path / "chip.h5")
    whole = stream("digits:test", "--prequential", "--novelty", "shortfall")
    for _ in range(2):  # the second run has nothing left to learn
        again = stream("digits:test", "--prequential", "--novelty", "shortfall", *state)
        for key in ("novel", "novelty_threshold", "prequential_accuracy", "prequential_recent_accuracy"):
            assert again[key] == whole[key]
    anew = stream("digits:test", "--prequential", "--restart", *state)
    assert anew["prequential_samples"] == whole["prequential_samples"]
    assert "novel" not in anew
    refused = invoke("stream", "digits:test", "--epochs", 2, "--prequential", "--label-share", 0.5, *state, code=2)
    assert "prequential accuracy must go on with" in refused.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--novelty-quantile", 0.9), "novelty_quantile must be left out without --novelty, got 0.9"),
        (("--label-share", 0.5), "label_share must be left out without --prequential, got 0.5"),
        (("--novelty", "surprise"), "novelty must be one of shortfall, entropy, step, got 'surprise'"),
        (("--novelty", ""), "novelty must be one of shortfall, entropy, step"),
        (("--novelty", "step"), "novelty by step must come with --chunk 1"),
        (("--novelty", "step", "--chunk", 1, "--respond", "--emit", "novelty"), "step must come without --respond"),
        (("--novelty", "shortfall", "--novelty-quantile", 1), "novelty_quantile must be from 0.5 to below 1"),
        (("--prequential", "--label-share", 0), "share must be above 0"),
        (
            ("--prequential", "--label-share", 0.5, "--recipe", "delta_readout", "--neurons", 10),
            "share must be 1 for a layer that is taught by labels",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(words, message):
    stderr = invoke("stream", "digits:test", *words, code=2).stderr
    assert message in stderr
    assert len(stderr.splitlines()) == 1


def test_a_file_without_labels_has_no_prequential_accuracy(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    said = invoke("stream", tmp_path / "x.npy", "--prequential", code=2).stderr
    assert "labels of" in said
    assert "must be there for --prequential, got none" in said
    lines = "\n".join(BARE) + "\n"
    assert stream("-", "--inputs", 4, "--prequential", stdin=lines)["prequential_accuracy"] is None


def test_the_step_is_scored_in_chunks_of_one():
    assert stream("digits:test", "--novelty", "shortfall, step", "--chunk", 1)["novel"] >= 0


def test_a_quantile_near_one_is_taken_of_as_many_scores_as_it_needs():
    assert stream("digits:test", "--novelty", "shortfall", "--novelty-quantile", 0.9995)["novel"] >= 0


def test_what_a_run_does_not_go_on_with_is_told(tmp_path):
    state, keeps = tmp_path / "chip.h5", "of earlier runs, which this run does not go on with"
    first = invoke(*PIPE, *FOLLOWING, "--state", state, stdin=LINES)
    assert keeps not in first.stderr
    same = invoke(*PIPE, *FOLLOWING, "--state", state, stdin=LINES)
    assert keeps not in same.stderr
    some = invoke(*PIPE, "--emit", "predicted", "--label-share", 0.5, "--prequential", "--state", state, stdin=LINES)
    assert some.stderr.count(keeps) == 1
    assert f"state {state} keeps novelty {keeps}" in some.stderr
    assert list(store.read(state).beside) == ["prequential"]
    assert f"{keeps} and will lose when it writes the state" in some.stderr
    assert f"state {state} keeps prequential {keeps}" in invoke(*PIPE, "--state", state, stdin=LINES).stderr
    assert store.read(state).beside == {}
    anew = invoke(*PIPE, *FOLLOWING, "--state", state, stdin=LINES).stderr
    assert f"novelty begins anew: state {state} keeps none" in anew
    assert f"prequential begins anew: state {state} keeps none" in anew
    assert keeps not in invoke(*PIPE, *FOLLOWING, "--state", state, "--restart", stdin=LINES).stderr


def test_fields_alone_go_on_with_what_the_state_keeps(tmp_path):
    state = tmp_path / "chip.h5"
    words = (*PIPE, "--emit", "novel,predicted", "--state", state)
    invoke(*words, stdin=LINES)
    assert "earlier runs" not in invoke(*words, stdin=LINES).stderr
    assert sorted(store.read(state).beside) == ["novelty", "prequential"]


def test_only_what_can_be_set_is_advised_to_be(tmp_path):
    state = tmp_path / "chip.h5"
    words = ("stream", "digits", "--epochs", 1, "--state", state, "--neurons", 4)
    invoke(*words)
    advised = {"--rate": "0.25", "--seed": 9, "--window": 3, "--weight-bits": 8}
    found = {name: invoke(*words, name, value, code=2).stderr for name, value in advised.items()}
    assert all("or give --restart" in error for error in found.values())
    assert {name for name, error in found.items() if "--set NAME=VALUE" in error} == {"--rate", "--window"}


RESPOND = ("stream", "-", "--inputs", 4, "--label", -1, "--respond", "--emit-format", "ndjson", *FIELDS)


def learned(state, *options, lines=LINES):
    invoke(*PIPE, *options, "--state", state, stdin=lines)
    return state.read_bytes()


def test_a_frozen_chip_scores_and_names_on_from_what_it_learned(tmp_path):
    state = tmp_path / "chip.h5"
    before = learned(state, *FOLLOWING, lines="".join(LINES.splitlines(True)[:150]))
    told = invoke(*RESPOND, *FOLLOWING, "--state", state, stdin="".join(LINES.splitlines(True)[150:]))
    assert state.read_bytes() == before
    assert "novelty goes on from what state" in told.stderr
    assert "prequential goes on from what state" in told.stderr
    chip, beside = ns.Chip.load(state), store.read(state).beside
    novelty = ns.Novelty(chip, ("shortfall", "entropy"), quantile=0.9)
    prequential = ns.Prequential(chip, share=0.5, seed=2)
    novelty.restore(beside["novelty"])
    prequential.restore(beside["prequential"])
    named = []

    class Names:
        wants = prequential.wants

        def take(self, batch):
            prequential.take(batch)
            named.extend(None if name < 0 else name for name in prequential.predicted)

    records = [json.loads(line) for line in told.stdout.splitlines()]
    for x, record in zip(ROWS[150:], records, strict=True):
        scored = novelty.learn_one(chip.respond_one(x))
        assert (record["novelty"], record["threshold"], record["novel"]) == (scored[0], scored[1], int(scored[2]))
    ns.run(chip, ns.streams.ArrayStream(ROWS[150:], LABELS[150:]), listener=Names(), learning=False)
    assert [record["predicted"] for record in records] == named
    assert None not in named
    assert f"{novelty.novel} samples" in told.stderr  # the table counts on from the state's


def test_a_frozen_chip_without_a_measure_begins_one_and_says_so(tmp_path):
    state = tmp_path / "chip.h5"
    learned(state)
    told = invoke(*RESPOND, *FOLLOWING, "--state", state, stdin=LINES)
    assert f"novelty begins anew: state {state} keeps none" in told.stderr
    assert f"prequential begins anew: state {state} keeps none" in told.stderr
    chip = ns.Chip.load(state)
    novelty = ns.Novelty(chip, ("shortfall", "entropy"), quantile=0.9)
    scores = [novelty.learn_one(chip.respond_one(x)).novelty for x in ROWS]
    assert [json.loads(line)["novelty"] for line in told.stdout.splitlines()] == scores


@pytest.mark.parametrize(("options", "advice"), [
    (("--novelty", "shortfall", "--prequential", "--label-share", 0.5), "--novelty LIST and --novelty-quantile Q"),
    ((*FOLLOWING[:4], "--prequential"), "--label-share S"), ((), "--novelty LIST and --novelty-quantile Q"),
])  # fmt: skip
def test_other_constants_are_refused_with_what_helps(tmp_path, options, advice):
    state = tmp_path / "chip.h5"
    before = learned(state, *FOLLOWING)
    frozen = invoke(*RESPOND, *options, "--state", state, stdin=LINES, code=2).stderr.splitlines()[-1]
    assert frozen.endswith(f"; give {advice} as when this was kept")
    learning = invoke(*PIPE, *options, *FIELDS, "--state", state, stdin=LINES, code=2).stderr.splitlines()[-1]
    assert learning.endswith(f"; give {advice} as when this was kept; or begin anew, with --restart")
    assert state.read_bytes() == before


def test_words_are_the_labels_that_the_table_of_a_frozen_chip_has(tmp_path):
    state = tmp_path / "chip.h5"
    words = [f"{row},{('cat', 'dog', 'elk')[label]}\n" for row, label in zip(BARE, LABELS, strict=True)]
    learned(state, "--prequential", lines="".join(words))
    contents, chip = store.read(state), ns.Chip.load(state)
    prequential = ns.Prequential(chip, seed=2)
    prequential.restore(contents.beside["prequential"])
    expected = contents.classes[prequential.labels.table.names[chip.respond_one(ROWS[1]).winner]]
    first, second = words[1].strip().rpartition(",")[2], words[0].strip().rpartition(",")[2]
    assert contents.classes[0] == second != first  # so they would be numbered otherwise, if they were numbered anew
    told = invoke(*RESPOND, "--prequential", "--state", state, stdin=words[1] + words[0]).stdout.splitlines()
    assert [json.loads(line)["label"] for line in told] == [first, second]
    assert json.loads(told[0])["predicted"] == expected
