"""What the tests of pages share: a parser, and a browser."""

import html
import json
import re
import subprocess
from html.parser import HTMLParser

CHECKS = """
<script>
addEventListener("load", () => {
  const seen = document.getElementById("seen");
  const names = (frame) => [...frame.contentDocument.querySelectorAll("#breeds tbody th")].map((th) => th.dataset.v);
  const width = ({ contentDocument: { documentElement: root }, clientWidth }) => [root.scrollWidth, clientWidth];
  const frames = [...document.querySelectorAll("iframe")];
  const head = frames[0].contentDocument.querySelectorAll("#breeds thead th")[2];
  const out = { widths: frames.map(width), before: names(frames[0]), sort: [] };
  for (let click = 0; click < 2; click++) {
    head.querySelector("button").click();
    out.sort.push([head.getAttribute("aria-sort"), names(frames[0])]);
  }
  out.sorted = frames[0].contentDocument.querySelectorAll("#breeds th[aria-sort]").length;
  out.images = [...frames[0].contentDocument.images].every((image) => image.naturalWidth > 0);
  seen.textContent = JSON.stringify(out);
});
</script>
"""


class Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img", "br", "wbr"):
            key = dict(attributes).get("data-key") or dict(attributes).get("id") or tag
            self.open.append((tag, key))

    def handle_endtag(self, tag):
        while tag in {one for one, _ in self.open} and self.open.pop()[0] != tag:
            pass

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        for key in {key for _, key in self.open}:
            self.texts[key] = self.texts.get(key, "") + data

    def text(self, key):
        return " ".join(self.texts.get(key, "").split())

    def all(self, tag, name=None):
        found = [attributes for one, attributes in self.tags if one == tag]
        return found if name is None else [attributes[name] for attributes in found if name in attributes]


def browsed(text, folder):
    """Open a page in Chromium, 375 and 1400 pixels wide, and return what `CHECKS` finds in it.

    The console must stay empty. `widths` has the width of the content and of the window, for each width; `before` the
    breeds as they are first shown; and `sort` what two clicks on the title of the third column do.
    """
    frames = "".join(
        f'<iframe style="width:{w}px;height:900px" srcdoc="{html.escape(text)}"></iframe>' for w in (375, 1400)
    )
    ran = dumped(f'<!doctype html>{frames}<pre id="seen"></pre>{CHECKS}', folder)
    return json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', ran, re.DOTALL)[1]))


def dumped(text, folder):
    """Open a page in Chromium and return its HTML after its scripts have run. The console must stay empty."""
    (folder / "page.html").write_text(text, encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    profile = f"--user-data-dir={folder / 'profile'}"
    ran = subprocess.run(
        [*command, profile, (folder / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in ran.stderr, ran.stderr
    return ran.stdout
