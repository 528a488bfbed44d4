"""One test for each way in which a sweep file can be wrong: where it is told, and in which words."""

from __future__ import annotations

import pytest

from spaces.file.load import load_sweep
from spaces.problem import InputError

FILTERS = "{int: [8, 32], step: 8, baseline: 16}"
DROPOUT = "{uniform: [0.0, 0.5], baseline: 0.25}"
L2 = "{log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}"
NAME = "{choice: [adam, sgd], baseline: adam}"
STRENGTH = "{uniform: [0, 1], step: 0.25, baseline: 0.5}"
SEARCH = "search: {trials: 8, grace_epochs: 2}"
STAGED = "{kind: pretrained, backbone: b, weights: none, unfrozen_blocks: 1, head_epochs: "

DOMAINS = [
    (DROPOUT, "{uniform: [0.5, 0.1], baseline: 0.2}", "trial.model.dropout.uniform", 7, "lower bound", "swap"),
    (DROPOUT, "{uniform: [0.5, 0.5], baseline: 0.5}", "trial.model.dropout.uniform", 7, "lower bound", "widen"),
    (DROPOUT, "{uniform: [.nan, 0.5], baseline: 0.2}", "trial.model.dropout.uniform", 7, "finite", "finite number"),
    (DROPOUT, "{uniform: [0, .inf], baseline: 0.2}", "trial.model.dropout.uniform", 7, "finite", "finite number"),
    (DROPOUT, "{uniform: [0, 0.1, 0.5], baseline: 0.1}", "trial.model.dropout.uniform", 7, "two bounds", "[0.0, 0.6]"),
    (DROPOUT, "{uniform: 0.5, baseline: 0.1}", "trial.model.dropout.uniform", 7, "two bounds", "uniform"),
    (DROPOUT, "{uniform: [0, '0.5'], baseline: 0.1}", "trial.model.dropout.uniform", 7, "a number", "quotes"),
    (DROPOUT, "{uniform: [false, 0.5], baseline: 0.1}", "trial.model.dropout.uniform", 7, "a number", "number"),
    (DROPOUT, "{uniform: [0, 0.5], baseline: 0.6}", "trial.model.dropout.baseline", 7, "0.0 to 0.5", "widen"),
    (DROPOUT, "{uniform: [0, 0.5], baseline: true}", "trial.model.dropout.baseline", 7, "baseline", "domain"),
    (DROPOUT, "{uniform: [0, 0.5], baseline: null}", "trial.model.dropout.baseline", 7, "baseline", "domain"),
    (DROPOUT, "{uniform: [0, 0.5], baseline: .nan}", "trial.model.dropout.baseline", 7, "baseline", "domain"),
    (DROPOUT, "{uniform: [0, 0.5], basline: 0.2}", "trial.model.dropout.basline", 7, "takes no", "baseline"),
    (DROPOUT, "{unifrom: [0, 0.5], baseline: 0.2}", "trial.model.dropout.unifrom", 7, "not a domain", "uniform?"),
    (DROPOUT, "{baseline: 0.2}", "trial.model.dropout", 7, "a domain needs", "uniform"),
    (DROPOUT, "{uniform: [0, 0.5], log: [1, 2]}", "trial.model.dropout", 7, "only one domain", "uniform or log"),
    (DROPOUT, "{uniform: [0, 0.5], step: 0.2, baseline: 0.2}", "trial.model.dropout.step", 7, "divide", "end at 0.4"),
    (DROPOUT, "{uniform: [0, 0.5], step: 0, baseline: 0.2}", "trial.model.dropout.step", 7, "above 0", "positive"),
    (DROPOUT, "{uniform: [0, 0.5], step: 1.0e-300}", "trial.model.dropout.step", 7, "million", "larger step"),
    (DROPOUT, "{uniform: [0, 0.5]}", "trial.model.dropout", 7, "for all open values", "baseline"),
    (DROPOUT, "{uniform: [0, 1.5], baseline: 0.2}", "trial.model.dropout", 7, "≥ 0 and < 1", "change the domain"),
    (DROPOUT, "{low: 0, high: 1}", "trial.model.dropout", 7, "must be a number", "give"),
    (STRENGTH, "{uniform: [0, 1], step: 0.25, baseline: 0.3}", "trial.augmentation.strength.baseline", 9, "steps", ""),
    (FILTERS, "{int: [8, 30], step: 8, baseline: 16}", "trial.model.filters.step", 6, "divide", "end at 32"),
    (FILTERS, "{int: [8, 32], step: 8, baseline: 17}", "trial.model.filters.baseline", 6, "steps of 8", "choose"),
    (FILTERS, "{int: [8, 32], step: 8, baseline: 16.0}", "trial.model.filters.baseline", 6, "whole", "choose"),
    (FILTERS, "{int: [8.5, 32], baseline: 16}", "trial.model.filters.int", 6, "whole number", "whole"),
    (FILTERS, "{int: [8, 32], log: yes, baseline: 16}", "trial.model.filters.log", 6, "true or false", "log: true"),
    (FILTERS, "{int: [8, 32], log: true, step: 8, baseline: 16}", "trial.model.filters.step", 6, "not both", "delete"),
    (FILTERS, "{int: [0, 32], log: true, baseline: 16}", "trial.model.filters.int", 6, "start at 1", "raise"),
    (FILTERS, "{int: [0, 32], baseline: 16}", "trial.model.filters", 6, "whole number > 0", "change the domain"),
    (FILTERS, "{uniform: [8, 32], baseline: 16}", "trial.model.filters", 6, "whole number", "{int: [8, 32]}"),
    (FILTERS, "{int: [8, 99999999999999999999]}", "trial.model.filters.int", 6, "below 2^53", "smaller"),
    (FILTERS, "{choice: [[8, 16], [16, 32]]}", "trial.model.filters.choice.0", 6, "only scalars", "label"),
    (FILTERS, "{choice: {a: 8, '': 16}}", "trial.model.filters.choice", 6, "label", "name each branch"),
    (FILTERS, "{choice: {a: 8, 2: 16}}", "trial.model.filters.choice", 6, "key must be text", 'quotes: "2"'),
    (FILTERS, "{choice: {a: [8], b: [8, 16]}, baseline: b}", "trial.model.filters.choice.a", 6, "per block", "give 2"),
    (FILTERS, "{choice: {a: 8, b: 16}, baseline: c}", "trial.model.filters.baseline", 6, "one of", "choose"),
    (FILTERS, "{choice: {a: 8, b: {int: [0, 4]}}, baseline: a}", "trial.model.filters.choice.b", 6, "> 0", "change"),
    (L2, "{log: [0, 1.0e-2], baseline: 1.0e-4}", "trial.model.l2.log", 8, "above 0", "start above 0"),
    (L2, "{log: [-1, 1.0e-2], baseline: 1.0e-4}", "trial.model.l2.log", 8, "above 0", "start above 0"),
    (L2, "{log: [1.0e-4, 1.0e-2], step: 1.0e-3}", "trial.model.l2.step", 8, "takes no step", "log"),
    (NAME, "{choice: [], baseline: adam}", "trial.optimizer.name.choice", 10, "at least one", "list"),
    (NAME, "{choice: {}, baseline: adam}", "trial.optimizer.name.choice", 10, "at least one", "list"),
    (NAME, "{choice: adam}", "trial.optimizer.name.choice", 10, "list of values", "[a, b]"),
    (NAME, "{choice: [adam, adam], baseline: adam}", "trial.optimizer.name.choice.1", 10, "must differ", "delete"),
    (NAME, "{choice: [1, 1.0]}", "trial.optimizer.name.choice.1", 10, "must differ", "delete"),
    (NAME, "{choice: [true, 1]}", "trial.optimizer.name.choice.1", 10, "must differ", "delete"),
    (NAME, "{choice: [.nan, 1]}", "trial.optimizer.name.choice.0", 10, "finite", "finite"),
    (NAME, "{choice: [adam, sdg], baseline: adam}", "trial.optimizer.name", 10, "one of adam", "sgd?"),
    (NAME, "{choice: [adam, sgd], baseline: sg}", "trial.optimizer.name.baseline", 10, "one of", "choose"),
    ("{epochs: 9,", "{epochs: {int: [3, 9]},", "trial.training.epochs", 11, "horizon", "one number"),
    ("{epochs: 9, patience: 3}", "{choice: {a: {epochs: 9}}}", "trial.training", 11, "horizon", "one by one"),
    ("{trials: 8,", "{trials: {int: [8, 9]},", "search.trials", 12, "whole number", "below `trial`"),
    ("{source: digits}", "{uniform: [0, 1], baseline: 0}", "trial.data", 2, "section", "labelled choice"),
]

SETTINGS = [
    ("kind: cnn", "kid: cnn", "trial.model.kind", 3, "which section", "kind: cnn"),
    ("kind: cnn", "kind: cnm", "trial.model.kind", 4, "one of cnn, pretrained", "cnn?"),
    ("kind: cnn", "kind: 3", "trial.model.kind", 4, "one of cnn, pretrained", "use one of"),
    ("{source: digits}", "{source: digit}", "trial.data.source", 2, "digits, npz", "digits?"),
    ("{source: digits}", "{}", "trial.data.source", 2, "which section", "source: digits"),
    ("{source: digits}", "digits", "trial.data", 2, "section", "section"),
    ("{source: digits}", "{source: folder, path: nowhere}", "trial.data.path", 2, "must be a file", "check the name"),
    ("{source: digits}", "{source: folder}", "trial.data.path", 2, "is required", "add `path"),
    ("blocks: 2", "block: 2", "trial.model.block", 5, "no such key", "blocks?"),
    ("blocks: 2", "xyzzy: 2", "trial.model.xyzzy", 5, "no such key", "use one of: kind"),
    ("blocks: 2", "blocks: '2'", "trial.model.blocks", 5, "whole number > 0", "without quotes"),
    ("blocks: 2", "blocks: 2.0", "trial.model.blocks", 5, "whole number > 0", "give a whole"),
    ("blocks: 2", "blocks: true", "trial.model.blocks", 5, "whole number > 0", "give a whole"),
    ("blocks: 2", "blocks: .nan", "trial.model.blocks", 5, "whole number > 0", "give a whole"),
    ("blocks: 2", "blocks: 2020-01-01", "trial.model.blocks", 5, "whole number > 0", "give"),
    ("blocks: 2", "blocks:", "trial.model.blocks", 5, "whole number > 0", "give a whole"),
    ("blocks: 2", "activation: rellu", "trial.model.activation", 5, "one of relu", "relu?"),
    ("blocks: 2", "batch_norm: on", "trial.model.batch_norm", 5, "before, after, block, off", "use one of"),
    ("blocks: 2", "head: {dropuot: 0.1}", "trial.model.head.dropuot", 5, "no such key", "dropout?"),
    ("blocks: 2", "head: {units: [8, 0]}", "trial.model.head.units.1", 5, "whole number > 0", "give"),
    (f"filters: {FILTERS}", "filters: [8, 16, 32]", "trial.model.filters", 6, "one number per block: 2", "give 2"),
    ("[flip]", "[flip, filp]", "trial.augmentation.policy.1", 9, "one of flip", "flip?"),
    ("[flip]", "flip", "trial.augmentation.policy", 9, "a list", "give"),
    (f"name: {NAME}", "schedule: {factor: 2}", "trial.optimizer.schedule.kind", 10, "which section", "kind: plateau"),
    (f"name: {NAME}", "schedule: {kind: plato}", "trial.optimizer.schedule.kind", 10, "plateau", "plateau?"),
    (f"name: {NAME}", "schedule: {kind: plateau, factor: 2}", "trial.optimizer.schedule.factor", 10, "< 1", "give"),
    (f"name: {NAME}", "schedule: {kind: cosine, warmup: 9}", "trial.optimizer.schedule.warmup", 10, "epochs", "fewer"),
    ("epochs: 9, ", "", "trial.training.epochs", 11, "is required", "add `epochs"),
    ("patience: 3", "patience: 0", "trial.training.patience", 11, "whole number > 0 and ≤ 10,000, or null", "give"),
    ("  training: {epochs: 9, patience: 3}\n", "", "trial.training", 1, "is required", "add `training"),
    ("search: {trials: 8,", "search: {trails: 8,", "search.trails", 12, "no such key", "trials?"),
    ("search: {trials: 8,", "serch: {trials: 8,", "serch", 12, "no such section", "search?"),
    ("search: {trials: 8,", "search: {metric: val_acuracy,", "search.metric", 12, "val_accuracy, ", "val_accuracy?"),
    ("search: {trials: 8,", "search: {trials: 0,", "search.trials", 12, "whole number > 0", "give"),
    (SEARCH, "search: [1]", "search", 12, "section", "trials"),
    (SEARCH, "confirm: {seeds: 1}", "confirm.seeds", 12, "≥ 2", "give"),
    (SEARCH, "confirm: yes", "confirm", 12, "off, or a section", "top"),
    (SEARCH, "resources: many", "resources", 12, "auto, or a section", "cpus"),
    (SEARCH, "resources: {env: [MY-TOKEN]}", "resources.env.0", 12, "text such as HF_TOKEN", "give"),
    (SEARCH, "resources: {env: HF_TOKEN}", "resources.env", 12, "a list", "give"),
    (SEARCH, "tracking: {wandb: {projct: x}}", "tracking.wandb.projct", 12, "no such", "project?"),
    (SEARCH, "tracking: {wandb: on}", "tracking.wandb", 12, "off", "off"),
    (SEARCH, "model: {kind: cnn}", "model", 12, "no such section", "trial.model"),
    (SEARCH, "budget: {usd: 3}", "budget.usd", 12, "price", "usd_per_hour"),
    (SEARCH, "budget: {hours: .nan}", "budget.hours", 12, "number > 0", "give"),
    ("grace_epochs: 2", "grace_epochs: 9", "search.grace_epochs", 12, "training.epochs (9)", "scheduler: none"),
]

SYNTAX = [
    ("kind: cnn", "kind: cnn\n    kind: cnn", "trial.model", 5, "only once", "delete"),
    ("kind: cnn", "kind: !!python/name:os.system ''", "trial.model.kind", 4, "YAML tag", "plain value"),
    ("kind: cnn", "kind: !mine cnn", "trial.model.kind", 4, "YAML tag", "plain value"),
    ("kind: cnn", "kind: [cnn", "", 5, "not valid YAML", "syntax"),
    ("kind: cnn", "kind: cnn: 3", "", 4, "not valid YAML", "syntax"),
    ("kind: cnn", "\tkind: cnn", "", 4, "not valid YAML", "syntax"),
    ("kind: cnn", "kind: *other", "", 4, "not valid YAML", "syntax"),
    ("kind: cnn", "<<: {kind: cnn}", "trial.model", 4, "merge keys", "write the keys out"),
    ("kind: cnn", "? [a]\n    : 3", "trial.model", 4, "key must be text", "plain name"),
    ("kind: cnn", "kind: \x00", "", 4, "U+0000", "syntax"),
]


@pytest.mark.parametrize(("old", "new", "path", "line", "rule", "remedy"), [*DOMAINS, *SETTINGS, *SYNTAX])
def test_a_mistake_is_told_once_with_its_line_its_path_its_rule_and_a_remedy(
    write, small, old, new, path, line, rule, remedy
) -> None:
    assert old in small
    file = write(small.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_sweep(file)
    told = {(".".join(map(str, each.path)), each.line): each for each in caught.value.problems}
    problem = told.pop((path, line))
    assert rule in problem.rule
    assert remedy in problem.remedy
    assert f"{file}:{line}" in str(caught.value)
    assert all("for all open values" in other.rule for other in told.values())


def test_several_mistakes_are_told_together_in_file_order(write, small) -> None:
    text = small.replace(DROPOUT, "{uniform: [1, 0]}").replace("kind: cnn", "kind: cnn\n    blokcs: 3")
    text = text.replace("[flip]", "[flop]").replace("trials: 8", "trials: -1")
    with pytest.raises(InputError) as caught:
        load_sweep(write(text))
    lines = [each.line for each in caught.value.problems]
    assert lines == sorted(lines)
    paths = [each.path for each in caught.value.problems]
    assert paths == [
        ("trial", "model", "blokcs"),
        ("trial", "model", "dropout", "uniform"),
        ("trial", "augmentation", "policy", 0),
        ("search", "trials"),
    ]


@pytest.mark.parametrize(("head_epochs", "grace", "ok"), [(1, 2, True), (2, 2, False), (1, 1, False)])
def test_no_rung_may_fall_inside_a_head_stage(write, small, head_epochs, grace, ok) -> None:
    before, after = small.index("  model:"), small.index("  augmentation:")
    text = f"{small[:before]}  model: {STAGED}{head_epochs}}}\n{small[after:]}"
    file = write(text.replace("grace_epochs: 2", f"grace_epochs: {grace}"))
    if ok:
        load_sweep(file)
    else:
        with pytest.raises(InputError, match="no rung may fall inside the head stage"):
            load_sweep(file)
    load_sweep(file, ["search.scheduler=none"])


def test_a_head_stage_as_long_as_the_horizon_is_refused(write, small) -> None:
    before, after = small.index("  model:"), small.index("  augmentation:")
    with pytest.raises(InputError, match=r"trial\.model\.head_epochs\n.*training\.epochs \(9\)"):
        load_sweep(write(f"{small[:before]}  model: {STAGED}9}}\n{small[after:]}"))


def test_a_mistake_inside_a_branch_is_told_at_the_path_that_the_file_shows(write, small) -> None:
    branch = "{choice: {small: 0.1, large: {uniform: [0.1, 1.2], baseline: 0.2}}, baseline: small}"
    with pytest.raises(InputError, match=r"small\.yaml:7  trial\.model\.dropout\.choice\.large\n.*got 1\.2"):
        load_sweep(write(small.replace(DROPOUT, branch)))
