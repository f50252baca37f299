"""The statement on the terminal, as CSV files and as a page."""

import csv
import dataclasses
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from rich.console import Console
from small_archive import SCRIPT, TOYS, ad, event, write_archive

from reporting.cells import Column, Kind, for_machines, for_people, read_cell, to_nanos
from reporting.charts import Bar, bar_chart
from reporting.csv_files import write_csv_files
from reporting.html import render_html
from reporting.queries import By
from reporting.terminal import print_statement

_VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page: its text, its tags, and whether every tag is closed where it should be."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text, self.ids = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def printed(statement, reconciliation=None, width=160, rows=20):
    target = io.StringIO()
    print_statement(Console(file=target, width=width), statement, reconciliation, rows)
    return target.getvalue()


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_amounts_are_exact_and_as_short_as_their_column_allows():
    money = Column("charged", "Charged", Kind.MONEY)
    assert for_people([1_500_000_000, 0], money) == ["1.50", "0.00"]
    assert for_people([1_234_000_000_001, 10**9, None], money) == ["1,234.000000001", "1.000000000", "–"]
    assert for_people([], money) == []


def test_rates_and_words():
    assert for_people([2 / 3, None, 0.0], Column("ctr", "CTR", Kind.RATE)) == ["66.67%", "–", "0.00%"]
    assert for_people(["M", "x\x1b[31m\x00"], Column("g", "G", Kind.TEXT, {"M": "Male"})) == ["Male", "x [31m "]


def test_both_readers_of_the_archive_are_read_alike():
    assert read_cell("12", Kind.COUNT) == read_cell(12, Kind.COUNT) == 12
    assert to_nanos("1.50") == to_nanos(1.5) == 1_500_000_000
    with pytest.raises(ValueError, match="9 decimals"):
        to_nanos("0.0000000001")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_spreadsheets_get_no_formulas(text):
    assert for_machines(text, Kind.TEXT) == f"'{text}"
    assert for_machines(-0.5, Kind.RATE) == "-0.5"


def test_csv_files_hold_plain_exact_numbers(statement, tmp_path):
    folder = tmp_path / "report"
    written = write_csv_files(statement, folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in written)
    assert len(written) == 12
    bill = read_csv(folder / "bill.csv")
    assert bill[0][:3] == ["campaign_id", "account", "category"]
    assert bill[1][-4:] == ["2.250000001", "0.000000000", "100.000000000", "97.749999999"]
    assert [row[2] for row in bill[1:]] == [SCRIPT, "", "Garden", TOYS]
    assert read_csv(folder / "bill_total.csv")[1] == [
        "2025-09-02T00:00:00+00:00",
        "2025-09-03T00:00:00+00:00",
        "UTC",
        "INR",
        "4",
        "5",
        "4",
        "2",
        "4.150000001",
        "0.500000000",
        "116.000000000",
        "110.849999999",
    ]
    assert read_csv(folder / "expenditure_and_ctr.csv")[3] == ["D", "Garden", "0", "1", "", "0.400000000"]


def test_an_empty_statement_still_has_every_file_and_says_so_in_words(empty_statement, tmp_path):
    for path in write_csv_files(empty_statement, tmp_path / "report"):
        assert len(read_csv(path)) == (2 if path.name == "bill_total.csv" else 1)
    html = render_html(empty_statement, None)
    assert html.count("Nothing to show") == 11
    assert "<svg" not in html
    text = printed(empty_statement)
    assert text.count("Nothing to show") == 10
    assert "Nothing was displayed or charged" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_terminal_never_cuts_an_amount_or_drops_a_column(statement, reconciled, width):
    text = printed(statement, reconciled, width)
    bill = text[text.index("Bill:") :]
    assert all(name in bill for name in ("Campaign", "Account", "Category", "acme", "beta", "Garden", "Leftover"))
    for amount in ("2.250000001", "110.849999999", "4.150000001 INR", "0.000009"):
        assert amount in text
    assert "…" not in text


def test_the_terminal_says_what_it_leaves_out_and_obeys_no_names(report_on, tmp_path):
    ads = [ad(f"c{n}", 1, category="[red]\x1b[31m[/nope]") for n in range(5)]
    events = [event(f"c{n}", 1, f"r{n}", "2025-09-02T01:00:00", view=1) for n in range(5)]
    text = printed(report_on(write_archive(tmp_path, ads, events)), rows=3)
    assert "and 2 more in bill.csv" in text
    assert "[red] [31m[/nope]" in text
    assert "\x1b" not in text


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(statement, reconciled):
    html = render_html(statement, reconciled)
    page = Page(html)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import|<script|https?:", html)
    targets = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert targets == {f"#{name}" for name in page.ids}


def test_the_page_can_be_read_aloud(statement, reconciled):
    page = Page(render_html(statement, reconciled))
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("table") == tags.count("caption") == 11
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(charts) == 6
    assert all(chart["role"] == "img" and "%" in chart["aria-label"] for chart in charts[:5])


def test_names_are_shown_and_never_run(statement):
    html = render_html(statement, None)
    assert "<script>alert" not in html
    assert "Books &amp; &lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert TOYS in "".join(Page(html).text)


def test_the_page_shows_the_bill_and_its_total(statement):
    text = " ".join("".join(Page(render_html(statement, None)).text).split())
    assert "2025-09-02 00:00 to 2025-09-03 00:00, end not included (UTC), in INR" in text
    assert "Total 5 4 2 4.150000001 0.50 116.00 110.849999999" in text
    assert "Made 2025-09-03 08:30 UTC" in text
    assert "by the user as seen in the auction" in text


def test_the_page_says_by_what_it_groups(report_on):
    assert "by whom the ads were aimed at" in render_html(report_on(by=By.TARGET), None)


def test_the_page_shows_the_reconciliation(statement, reconciled):
    assert "Adds up" in render_html(statement, reconciled)
    assert "was not compared" in render_html(statement, None)
    broken = dataclasses.replace(reconciled, ok=False, difference_nanos=-7, findings=["campaign <A>: 7 nanos lack"])
    html = render_html(statement, broken)
    assert "Does not add up" in html
    assert "-0.000000007 INR" in html
    assert "campaign &lt;A&gt;: 7 nanos lack" in html
    assert "Does not reconcile" in printed(statement, broken)


def test_long_tables_are_cut_with_a_word(statement):
    html = render_html(statement, None, rows=3)
    assert html.count("1 more row is in the CSV file.") == 5
    assert html.count("2 more rows are in the CSV file.") == 2
    assert "110.849999999" in html


def test_a_chart_is_xml_in_the_colours_of_the_page_with_names_as_they_are():
    names = ['font: it\'s "x"; #010101', "label-1", "$a_b$ 😀 <b>", "x" * 99]
    svg = bar_chart(
        'Who "clicks"', [Bar(name, share, "1.00%") for name, share in zip(names, (1, 0.5, 0, 0.001), strict=True)]
    )
    root = ElementTree.fromstring(svg)
    texts = [element.text for element in root.iter("text")]
    assert texts[::2] == [*names[:3], "x" * 39 + "…"]
    assert root.get("aria-label").startswith('Who "clicks"; font: it\'s "x"; #010101: 1.00%')
    fills = set(re.findall(r"fill: ([^;\"]+)", svg))
    assert fills == {"none", "var(--ink)", "var(--track)", "var(--bar)"}
    assert svg.count("var(--bar)") == 3
