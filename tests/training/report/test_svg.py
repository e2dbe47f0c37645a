import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import matplotlib.pyplot as plt

from training.report.svg import plot, to_svg
from training.report.theme import COLORS, color, style


def figure(width=4.0):
    drawn, axes = plt.subplots(figsize=(width, 2))
    axes.plot([0, 1, 2], [0.123456, 1, 0], color=color("blue"))
    axes.set_title("a < b & c")
    return drawn


def drawn_svg(key="k"):
    with matplotlib.rc_context(style()):
        return str(to_svg(figure(), 'label "quoted" <b>', key))


def test_colours_become_variables_and_text_stays_text():
    svg = drawn_svg()
    assert "var(--blue)" in svg
    assert not any(f": {pair[0]}" in svg for pair in COLORS.values())
    assert "a &lt; b &amp; c" in svg
    assert "<style" not in svg and "<metadata" not in svg


def test_it_is_well_formed_scales_and_is_labelled():
    root = ElementTree.fromstring(drawn_svg().replace("xlink:href", "href"))
    assert root.get("viewBox", "").startswith("0 0 ")
    assert root.get("width") is None
    assert root[0].tag == "title" and root[0].text == 'label "quoted" <b>'


def test_ids_and_their_references_carry_the_key():
    svg = drawn_svg("left")
    ids = set(re.findall(r' id="([^"]+)"', svg))
    references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    assert ids and all(name.startswith("left-") for name in ids)
    assert references <= ids
    assert not ids & set(re.findall(r' id="([^"]+)"', drawn_svg("right")))


def test_paths_are_short_but_labels_keep_their_digits():
    with matplotlib.rc_context(style()):
        drawn = figure()
        drawn.axes[0].set_xlabel("0.00123456")
        svg = str(to_svg(drawn, "x", "k"))
    assert not re.search(r' d="[^"]*\d\.\d{3}', svg)
    assert "0.00123456" in svg


def test_the_same_figure_gives_the_same_text():
    assert drawn_svg() == drawn_svg()


def test_two_widths_and_no_figure_left_open():
    before = plt.get_fignums()
    html = str(plot(figure, "x", "k"))
    assert html.count("<svg") == 2
    assert html.index('class="wide"') < html.index('class="narrow"')
    assert plt.get_fignums() == before
