#!/usr/bin/env python3
"""Opens reports of real runs in headless Chromium and looks at what a person would see.

report_in_browser.py PITH [FOLDER]: trains small networks on drawn digits (in FOLDER, or a temporary one), quantizes and
studies one of them, draws one run and ten runs, and asks of each page, at 1280 and 400 pixels, light and dark:
no console message, no request beyond the file itself, every chart drawn, nothing wider than the screen, at most 500 kB.
With FOLDER the pages and their screenshots stay there. Exits 77 (skipped) where there is no Chromium.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SCHEDULE = """version: 1
pruners:
  gradual:
    class: AutomatedGradualPruner
    initial_sparsity: 0.1
    final_sparsity: {level}
    weights: ['/.*weight/']
policies:
  - pruner:
      instance_name: gradual
    starting_epoch: 0
    ending_epoch: 2
    frequency: 1
"""

# Put into a copy of the page (whose own policy allows no script) to ask the layout engine.
PROBE = """<script>
addEventListener('load', () => {
  const seen = {charts: 0, empty: [], wide: [], images: 0, broken: 0, untitled: 0, ids: [], dead: 0};
  for (const svg of document.querySelectorAll('svg.chart')) {
    ++seen.charts;
    const box = svg.getBoundingClientRect();
    const marks = [...svg.querySelectorAll('path,rect,circle')].filter(m => {
      const b = m.getBoundingClientRect(); return b.width > 0 || b.height > 0; });
    const name = svg.querySelector('title').textContent;
    if (box.width < 50 || box.height < 20 || marks.length === 0) seen.empty.push(name);
    if (!svg.getAttribute('aria-label') || !name) ++seen.untitled;
  }
  for (const image of document.images) {
    ++seen.images;
    if (!image.complete || image.naturalWidth === 0) ++seen.broken;
    if (!image.alt) ++seen.untitled;
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    for (const e of document.querySelectorAll('main *'))
      if (e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll,figure,pre')) seen.wide.push(e.tagName);
    seen.wide.push('page ' + document.documentElement.scrollWidth + ' > ' + innerWidth);
  }
  for (const a of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(a.getAttribute('href').slice(1))) ++seen.dead;
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  seen.ids = ids.filter((id, i) => ids.indexOf(id) !== i);
  const ink = getComputedStyle(document.body);
  seen.color = ink.color; seen.ground = ink.backgroundColor;
  const note = document.createElement('pre');
  note.id = 'probe'; note.textContent = JSON.stringify(seen);
  document.body.append(note);
});
</script>"""


def find_browser():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def browse(browser, page, width, dark, scratch, *more):
    """Runs the browser on a page; returns (stdout, console messages, requested addresses)."""
    log = os.path.join(scratch, "net.json")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
               f"--user-data-dir={os.path.join(scratch, 'profile')}", "--disable-background-networking",
               "--disable-component-update", "--disable-sync", "--disable-extensions", "--virtual-time-budget=2000",
               f"--window-size={width},4000", f"--log-net-log={log}", "--enable-logging=stderr", *more, "file://" + page]
    if dark:
        command.insert(1, "--blink-settings=preferredColorScheme=0")
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return done.stdout, console, requests_in(log)


def requests_in(log):
    """Addresses that the page asked for, from a net log. What the browser asks on its own behalf (its updates) has no page
    as its initiator."""
    with open(log, encoding="utf-8") as file:
        lines = file.read().splitlines()
    found = set()
    for line in lines:
        if not line.startswith("{") or '"initiator"' not in line:
            continue
        try:
            params = json.loads(line.rstrip(",]}") + "}" * (line.count("{") - line.rstrip(",]}").count("}"))).get("params", {})
        except ValueError:
            continue
        url = params.get("url", "")
        if params.get("initiator") != "not an origin" and not url.startswith(("file:", "data:")):
            found.add(url)
    return found


def prove_that_it_can_fail(browser, scratch):
    """A page that asks, complains and overflows must be seen to do so."""
    page = os.path.join(scratch, "asks.html")
    with open(page, "w", encoding="utf-8") as file:
        file.write("<!DOCTYPE html><title>asks</title><body><main><img src='http://127.0.0.1:9/picture.png'></main>"
                   "<script>console.error('complains')</script></body>")
    _, console, asked = browse(browser, page, 400, False, scratch, "--dump-dom")
    if asked != {"http://127.0.0.1:9/picture.png"} or not any("complains" in line for line in console):
        sys.exit(f"the check itself is blind: saw requests {asked}, console {console}")


def check(browser, page, least_charts, scratch, keep):
    problems = []
    size = os.path.getsize(page)
    if size > 500_000:
        problems.append(f"{size} bytes")
    with open(page, encoding="utf-8") as file:
        html = file.read()
    drawn = html.count("<svg class=\"chart\"")
    probed = os.path.join(scratch, "probed.html")
    with open(probed, "w", encoding="utf-8") as file:
        file.write(re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", html).replace("</body>", PROBE + "</body>"))
    name, grounds = os.path.basename(page), set()
    # The page as it is: what it says on the console and whom it asks.
    _, console, asked = browse(browser, page, 1280, False, scratch, "--dump-dom")
    problems += [f"{name}: console: {line}" for line in console] + [f"{name}: asks {url}" for url in asked]
    print(f"{name}: {size} bytes, {len(console)} console messages, {len(asked)} requests")
    for width in (1280, 400):
        for dark in (False, True):
            where = f"{name} at {width}, {'dark' if dark else 'light'}"
            # Its copy with the probe: what was laid out.
            dom, _, _ = browse(browser, probed, width, dark, scratch, "--dump-dom")
            found = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.S)
            if not found:
                problems.append(f"{where}: the probe gave no answer")
                continue
            seen = json.loads(found.group(1).replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&"))
            grounds.add(seen["ground"])
            if seen["charts"] != drawn or drawn < least_charts:
                problems.append(f"{where}: {seen['charts']} charts in the DOM, {drawn} in the file, at least {least_charts} wanted")
            for what in ("empty", "wide", "broken", "untitled", "ids", "dead"):
                if seen[what]:
                    problems.append(f"{where}: {what}: {seen[what]}")
            print(f"{where}: {seen['charts']} charts, {seen['images']} pictures, ground {seen['ground']}")
            if keep:
                shot = os.path.join(keep, f"{name}-{width}-{'dark' if dark else 'light'}.png")
                browse(browser, page, width, dark, scratch, f"--screenshot={shot}")
    if len(grounds) != 2:
        problems.append(f"{page}: light and dark have the grounds {grounds}")
    return problems


def make_pages(pith, folder):
    def train(name, seed, level):
        run_folder, schedule = os.path.join(folder, name), os.path.join(folder, f"{name}.yaml")
        if os.path.exists(run_folder):
            shutil.rmtree(run_folder)
        with open(schedule, "w", encoding="utf-8") as file:
            file.write(SCHEDULE.format(level=level))
        run(pith, "train", "--model", "lenet5", "--data", "digits", "--epochs", "3", "--lr", "0.02", "--compress", schedule,
            "--seed", str(seed), "--out", run_folder, "--quiet")
        return run_folder

    runs = [train(f"run{i}", i, round(0.5 + 0.05 * i, 2)) for i in range(10)]
    weights = os.path.join(runs[5], "checkpoints", "best.safetensors")
    packed, sense = os.path.join(folder, "packed.safetensors"), os.path.join(folder, "sense")
    run(pith, "quantize", "--model", "lenet5", "--weights", weights, "--data", "digits", "--calibration", "200", "--clip",
        "mse", "--quiet", "--out", packed)
    run(pith, "sense", "--model", "lenet5", "--weights", weights, "--data", "digits", "--subset", "100", "--levels",
        "0,0.5,0.9", "--restart", "--out", sense, "--quiet")
    one, ten = os.path.join(folder, "one.html"), os.path.join(folder, "ten.html")
    run(pith, "report", runs[5], "--packed", packed, "--sensitivity", os.path.join(sense, "sensitivity.csv"), "--out", one,
        "--quiet")
    run(pith, "report", *runs, "--out", ten, "--quiet")
    return one, ten


def main():
    browser = find_browser()
    if browser is None:
        print("skipped: there is no Chromium here (apt-get install chromium)")
        sys.exit(77)
    pith, keep = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or scratch
        os.makedirs(folder, exist_ok=True)
        prove_that_it_can_fail(browser, scratch)
        one, ten = make_pages(pith, folder)
        # One: two curves, forms, layers, sparsity, sensitivity, 5 weights, 8 values, confusion. Ten: the front, three a run.
        problems = check(browser, one, 15, scratch, keep) + check(browser, ten, 31, scratch, keep)
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
