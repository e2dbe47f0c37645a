import re
import shutil
from datetime import datetime, timezone
from html.parser import HTMLParser

import pytest

from tests.training.report.synthetic import write_evaluation, write_training
from training.report.files import ReportError
from training.report.inputs import load_inputs
from training.report.page import build_report, render

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
VOID = {"meta", "img", "br", "link", "use", "path", "rect"}


class Checker(HTMLParser):
    """Collects ids and addresses, and checks that tags nest."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.addresses, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.addresses += [values[name] for name in ("src", "href", "xlink:href", "srcset", "data") if values.get(name)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parse(page):
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def page(full_run):
    return render(load_inputs(full_run), NOW)


def test_page_is_self_contained_and_well_formed(page):
    checker = parse(page)
    assert checker.addresses
    assert all(address.startswith(("#", "data:image/webp;base64,")) for address in checker.addresses)
    assert "<script" not in page and "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "default-src 'none'" in page
    assert len(page) < 6_000_000


def test_ids_are_unique_and_links_arrive(page):
    checker = parse(page)
    assert len(set(checker.ids)) == len(checker.ids)
    targets = {address[1:] for address in checker.addresses if address.startswith("#")}
    assert targets <= set(checker.ids)


def test_every_colour_variable_is_defined(page):
    used = set(re.findall(r"var\(--([a-z-]+)\)", page))
    defined = set(re.findall(r"--([a-z-]+):", page))
    assert used <= defined


def test_the_numbers_that_matter_are_there(page):
    text = " ".join(" ".join(parse(page).text).split())
    for part in (
        "96.7 %",
        "88.6–99.1 %",
        "5 / 5",
        "1.9e-06",
        "40 ms",
        "16 ms",
        "260 ms",
        "0 / 58",
        "2026-03-01 12:30 UTC",
    ):
        assert part in text, part
    for part in (
        "chunk stale",
        "jerk limited stop",
        "rosless on cyclonedds 11.0.1",
        "Example CPU 2.4 GHz",
        "4f1c2d9e8b7a",
    ):
        assert part in text, part
    assert "not measured in this run" not in text
    assert "Check this." not in text


def test_one_cell_per_episode(page):
    cells = page[page.index('class="cells"') : page.index('class="legend"')]
    assert (cells.count('<i class="ok'), cells.count('<i class="no')) == (58, 2)


def test_a_partial_run_says_what_is_missing(tmp_path):
    write_training(tmp_path)
    page = render(load_inputs(tmp_path), NOW)
    parse(page)
    text = " ".join(page.split())
    parts = (
        "Closed-loop evaluation",
        "Inference time",
        "Failure scores",
        "Live run",
        "Fault reactions",
        "Rollout video",
    )
    for part in parts:
        assert f"{part}: not measured in this run." in text, part
    assert "Training curve: not measured" not in text
    assert "data:image" not in page


def test_foreign_text_is_escaped(tmp_path):
    write_evaluation(tmp_path, episodes=3, failures=(1,))
    path = tmp_path / "evaluation/evaluation.json"
    path.write_text(path.read_text().replace("cube_dropped", "<script>alert(1)</script>"))
    page = render(load_inputs(tmp_path), NOW)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("evaluation/evaluation.json", "keel evaluate"),
        ("evaluation/scores.npz", "keel evaluate"),
        ("run/run.json", "keel run"),
        ("run/trace.npz", "keel run"),
        ("train/metrics.jsonl", "train again"),
        ("panda_pick_place.keel/manifest.json", "keel export"),
        ("run/fault_cube_moved.webp", "record it again"),
    ],
)
def test_a_damaged_file_stops_the_report_and_the_old_page_stays(full_run, tmp_path, name, command):
    run = tmp_path / "run"
    shutil.copytree(full_run, run)
    (run / "report.html").write_text("old")
    (run / name).write_bytes(b"\x00damaged")
    if name.startswith("run/fault"):  # what is not looked at here takes seconds to draw
        for other in ("run/trace.npz", "run/run.json", "train/metrics.jsonl", "evaluation/scores.npz"):
            (run / other).unlink()
    with pytest.raises(ReportError) as caught:
        build_report(run)
    assert name in caught.value.cause
    assert command in caught.value.fix
    assert (run / "report.html").read_text() == "old"
    assert not list(run.glob(".report.html*"))
