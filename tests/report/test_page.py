from xml.etree import ElementTree

from cm3d.report.page import Cell, Page, Picture, color_of

XHTML = "{http://www.w3.org/1999/xhtml}"


def test_a_page_is_well_formed_and_needs_no_network() -> None:
    page = Page("a < b")
    page.words("c & d", "note")
    page.legend({"x": "first", "y": "second"}, hidden=["y"])
    page.table(["e", "f"], [[Cell("1", "+0.1", True), "<b>bold</b>"]])
    page.pictures([Picture([b"image"], ['"told"', "more"])])
    page.colors({"right": "#00ff00"})
    html = page.html()
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    boxes = root.findall(f".//{XHTML}input")
    assert [(box.get("value"), box.get("checked")) for box in boxes] == [
        ("x", "checked"),
        ("y", None),
    ]
    assert root.findtext(f".//{XHTML}td/{XHTML}small") == "+0.1"
    assert root.find(f".//{XHTML}img").get("src") == "data:image/webp;base64,aW1hZ2U="  # type: ignore[union-attr]
    assert "http" not in html.replace("http://www.w3.org/", "")


def test_changes_are_coloured_by_whether_they_are_better() -> None:
    assert Cell("0.5").html() == "0.5"
    assert 'class="better"' in Cell("0.5", "+0.1", True).html()
    assert 'class="worse"' in Cell("0.5", "+0.1", False).html()
    assert 'class="faint"' in Cell("0.5", "+0.0", None).html()


def test_label_sets_have_colours_of_their_own() -> None:
    keys = [f"set{number}" for number in range(11)]
    assert len({color_of(key, keys) for key in keys}) == 11
