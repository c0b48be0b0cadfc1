from markdown_it import MarkdownIt

from obskit.pager import Entry, Incident, Link
from obskit.pager._export import as_markdown

NASTY = "<script>alert(1)</script> | [x](javascript:alert(1)) `code`\n# head"


def incident(**changed):
    values = {
        "number": 7,
        "origin": "o",
        "dedup_key": "k",
        "status": "resolved",
        "urgency": "high",
        "severity": "critical",
        "title": "Disk is full",
        "service": "db1",
        "source": "db1",
        "created_at": 1_700_000_000.0,
        "acknowledged_at": 1_700_000_060.0,
        "resolved_at": 1_700_003_600.0,
        "links": (Link("http://127.0.0.1/r?a=1&b=2", "Runbook"),),
        "details": {"firing": "Labels:\n - a = 1\n", "more": {"n": 1}},
        "timeline": (
            Entry(1_700_000_000.0, "created", "Reported by db1."),
            Entry(1_700_000_001.0, "duplicate_suppressed", "Reported again.", 5, 1_700_000_050.0),
        ),
    }
    return Incident(**{**values, **changed})


def test_tells_the_whole_incident():
    assert (
        as_markdown(incident(), "http://127.0.0.1:8601/incidents/INC-000007")
        == """\
# INC-000007: Disk is full

| | |
|---|---|
| Status | resolved |
| Urgency | high \\(critical\\) |
| Affected | db1 |
| Reported by | db1 |
| Since | 2023-11-14 22:13:20 UTC |
| Acknowledged | 2023-11-14 22:14:20 UTC, after 1 min |
| Resolved | 2023-11-14 23:13:20 UTC, after 1 h |
| Page | <http://127.0.0.1:8601/incidents/INC-000007> |

## Links

- Runbook: `http://127.0.0.1/r?a=1&b=2`

## Details

firing:

```text
Labels:
 - a = 1
```

more:

```text
{
  "n": 1
}
```

## Timeline

| time | what | |
|---|---|---|
| 2023-11-14 22:13:20 UTC | created | Reported by db1. |
| 2023-11-14 22:13:21 UTC | duplicate_suppressed | Reported again. \\(5 times, last 2023-11-14 22:14:10 UTC\\) |
"""
    )


def test_words_of_others_stay_words():
    nasty = incident(
        title=NASTY,
        service=NASTY,
        links=(Link("http://a/`<script>", NASTY),),
        details={NASTY: f"````\n{NASTY}"},
        timeline=(Entry(0.0, "note", NASTY),),
    )
    html = MarkdownIt("commonmark").enable("table").render(as_markdown(nasty, "http://127.0.0.1/"))
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert html.count("<h1>") == 1
    assert html.count("<table>") == 2
