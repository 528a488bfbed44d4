"""Images that cannot be read: named all at once, or left out if the settings say so, and never in silence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.plan.check import warnings_about
from spaces.config.trial import CsvData, Data, FolderData
from spaces.file.load import load_sweep
from spaces.problem import InputError
from tests.trainables.sets import entries, forget
from trainables.data.key import stamp_of
from trainables.data.load import describe, load, load_test, select_test_images
from trainables.data.unreadable import skipped_warning, write_list
from trainables.preflight.headers import read_headers

Writer = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("cache")


def folder(root: Path, **settings: object) -> FolderData:
    return FolderData.model_validate({"source": "folder", "path": str(root), "image_size": 8, **settings})


def spoil(*paths: Path) -> None:
    """Leave a file empty, one cut short, one of text, in turn."""
    for number, path in enumerate(paths):
        content = path.read_bytes()
        path.write_bytes((b"", content[: len(content) // 2], b"some text")[number % 3])


def table(root: Path) -> CsvData:
    """A table of the images in two class folders."""
    lines = [f"{path.relative_to(root).as_posix()},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
    (root.parent / "labels.csv").write_text("\n".join(["id,label", *lines]) + "\n")
    return CsvData(
        source="csv", labels=str(root.parent / "labels.csv"), path=str(root), image_size=8, unreadable="skip"
    )


def test_those_of_all_parts_are_named_together(write_folder: Writer) -> None:
    for number, part in enumerate(("train", "val", "test")):
        root = write_folder({"cat": 5, "dog": 5}, f"set/{part}", seed=number).parent
        spoil(root / part / "cat" / "000.png", root / part / "dog" / "001.png")
    for read in (load, describe, read_headers):
        with pytest.raises(InputError) as caught:
            read(folder(root))
        message = str(caught.value)
        assert "got 6: train/cat/000.png (is empty (zero bytes)), train/dog/001.png (image file is truncated" in message
        assert "--set data.unreadable=skip" in message
        (listed,) = (Path(word) for word in message.split() if word.endswith(".txt"))
        assert len(listed.read_text().splitlines()) == 6


@pytest.mark.parametrize("as_table", [False, True])
def test_skipping_leaves_them_out_of_every_part_and_counts_them(write_folder: Writer, as_table: bool) -> None:
    root = write_folder({"cat": 20, "dog": 20})
    bad = [root / "cat" / "003.png", root / "dog" / "000.png", root / "dog" / "019.png"]
    spoil(*bad)
    data: Data = table(root) if as_table else folder(root, unreadable="skip")
    info = describe(data)
    assert sum(map(sum, info.counts.values())) == 37
    assert [text.split(" ")[0] for text in info.skipped] == ["cat/003.png", "dog/000.png", "dog/019.png"]
    forget()  # from the store now
    assert describe(data) == info
    dataset, test = load(data), load_test(data)
    assert len(dataset.train) + len(dataset.validation) + len(test) == 37
    pixels = np.concatenate([dataset.train.read(np.arange(len(dataset.train))), test.read(np.arange(len(test)))])
    assert pixels.reshape(len(pixels), -1).any(axis=1).all()  # an unreadable one would be black
    names = select_test_images(data).names()
    assert len(names) == len(test)
    assert not {str(path.relative_to(root)) for path in bad} & set(names)


def test_skipping_changes_nothing_where_all_can_be_read(write_folder: Writer, cache: Path) -> None:
    root = write_folder({"cat": 10, "dog": 10})
    refusing = load(folder(root))
    assert load(folder(root, unreadable="skip")).fingerprint == refusing.fingerprint
    assert not describe(folder(root, unreadable="skip")).skipped
    assert len(entries(cache)) == 2


def test_a_file_that_becomes_readable_changes_the_fingerprint(write_folder: Writer) -> None:
    root = write_folder({"cat": 10, "dog": 10})
    whole, path = (root / "cat" / "000.png").read_bytes(), root / "cat" / "000.png"
    spoil(path)
    data = folder(root, unreadable="skip")
    before = describe(data)
    path.write_bytes(whole)
    after = describe(data)
    assert (len(before.skipped), len(after.skipped)) == (1, 0)
    assert before.fingerprint != after.fingerprint


def test_permissions_are_part_of_what_can_change(write_folder: Writer) -> None:
    root = write_folder({"cat": 10, "dog": 10})
    skipping, refusing = folder(root, unreadable="skip"), folder(root)
    before = stamp_of(skipping), stamp_of(refusing)
    (root / "cat" / "000.png").chmod(0o600)
    assert stamp_of(skipping) != before[0]
    assert stamp_of(refusing) == before[1]


def test_a_class_of_which_nothing_is_left_is_refused(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    spoil(*sorted((root / "dog").iterdir()))
    with pytest.raises(
        InputError, match="every class must have an image that can be read; got 1: dog in train; unreadable"
    ):
        load(folder(root, unreadable="skip"))


def test_the_check_warns_of_them_and_a_long_list_stands_in_a_file(write_folder: Writer) -> None:
    names = [f"{number}.png (is empty (zero bytes))" for number in range(7)]
    assert skipped_warning(names[:2]).endswith(f": 2: {names[0]}, {names[1]}")
    warning = skipped_warning([*names, "caf\udce9\n.png (is not an image)"])
    assert " and 3 more; all of them: " in warning
    assert Path(warning.split()[-1]).read_text().splitlines()[-1] == r"caf\udce9\n.png (is not an image)"
    assert write_list(names[:5]) is None
    info = replace(describe(folder(write_folder({"cat": 5, "dog": 5}))), skipped=tuple(names))
    assert warnings_about(load_sweep("digits"), info) == [skipped_warning(names)]


def test_names_that_are_not_utf8_come_back_from_the_store(write_folder: Writer) -> None:
    root = write_folder({"cat": 10, "dog\udce9": 10})
    (root / "cat" / "000.png").rename(root / "cat" / "caf\udce9.png")
    spoil(root / "cat" / "caf\udce9.png")
    data = folder(root, unreadable="skip")
    before = describe(data)
    forget()
    assert describe(data) == before
    assert before.class_names == ("cat", "dog\udce9")
    assert json.dumps(before.skipped[0]) == '"cat/caf\\udce9.png (is empty (zero bytes))"'
