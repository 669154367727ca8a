"""The page of the studio in a real browser: links, views, the keyboard, and a server that changes, is busy or stops."""

import contextlib
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from studio.conftest import BREEDS, SIZE, Studio, save_small

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to open the page in")
VIEWS = ("sheet", "mix", "cross", "pad", "walk", "compare")
ALPHA, _, GAMMA = BREEDS
BUSY = b'HTTP/1.1 429 Busy\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 17\r\n\r\n{"error": "busy"}'


class Relay:
    """Passes connections on to a server. While `busy`, it answers the API's requests as a full queue does."""

    def __init__(self, address: str) -> None:
        self.target = (urlsplit(address).hostname, urlsplit(address).port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.busy, self.refused = False, 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        shut(self.listener)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                threading.Thread(target=self._pass, args=(browser, server, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, browser, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, from_browser: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if from_browser and self.busy and data.startswith(b"GET /api/"):
                    self.refused += 1
                    source.sendall(BUSY)
                    break
                sink.sendall(data)
        shut(source)
        shut(sink)


def shut(each: socket.socket) -> None:
    """Close a socket at once, also while another thread waits for it."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=30_000)  # the server compiles the generator when it draws first
    with sync_playwright() as playwright:
        # containers run tests as root, whom Chromium's sandbox refuses
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser at desktop width. Mistakes of the page and requests to other servers fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    mistakes: list[str] = []
    hosts: set[str] = set()
    context.on("weberror", lambda error: mistakes.append(str(error.error)))
    context.on("console", lambda line: mistakes.append(line.text) if line.type == "error" else None)
    context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    yield context
    context.close()
    # Chromium itself logs each answer with an error status, and each refused connection
    assert [text for text in mistakes if not text.startswith("Failed to load resource")] == []
    assert hosts <= {"127.0.0.1", ""}


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def relay(address: str) -> Iterator[Relay]:
    relay = Relay(address)
    yield relay
    relay.close()


def pixels(canvases: Locator) -> list[str]:
    return canvases.evaluate_all("all => all.map(canvas => canvas.toDataURL())")


def expect_pixels(canvases: Locator, wanted: list[str]) -> None:
    """Wait until the canvases show some pixels."""
    for _ in range(100):
        if pixels(canvases) == wanted:
            return
        time.sleep(0.1)
    assert pixels(canvases) == wanted


def sheet(page: Page) -> Locator:
    return page.locator("#sheet-dogs canvas")


def open_sheet(page: Page, address: str, query: str = "") -> list[str]:
    """Open a sheet of 16 dogs and return their pixels."""
    page.goto(f"{address}/?view=sheet&{query}")
    expect(sheet(page)).to_have_count(16)
    return pixels(sheet(page))


def values(page: Page, name: str) -> list[str]:
    """Return the values of a parameter of the page's address."""
    return parse_qs(urlsplit(page.url).query).get(name, [])


def test_a_link_shows_the_same_dogs_in_another_browser(page: Page, browser: Browser, address: str) -> None:
    first = open_sheet(page, address, f"breed={ALPHA}&seed=40")
    assert len(set(first)) > 1
    expect(page).to_have_url(re.compile("hash=[0-9a-f]{16}"))
    other = browser.new_context()
    again = other.new_page()
    again.goto(page.url)
    expect(sheet(again)).to_have_count(16)
    assert pixels(sheet(again)) == first
    other.close()
    assert open_sheet(page, address, f"breed={ALPHA}&seed=80") != first


def test_seeds_beyond_the_whole_numbers_of_javascript_stay_exact(page: Page, address: str) -> None:
    open_sheet(page, address, "seed=9007199254740993")
    expect(page.locator("#sheet-size")).to_contain_text("9007199254740993 to 9007199254741008")


def test_the_back_button_undoes_a_choice(page: Page, address: str) -> None:
    first = open_sheet(page, address)
    page.get_by_role("button", name="Later seeds").click()
    expect(page.locator("#sheet-size")).to_contain_text("Seeds 17 to 32")
    assert pixels(sheet(page)) != first
    page.go_back()
    expect_pixels(sheet(page), first)
    expect(page.locator("#sheet-size")).to_contain_text("Seeds 1 to 16")
    expect(page.get_by_label("Seed", exact=True).first).to_have_value("1")


def test_a_breed_is_found_and_chosen_by_keyboard(page: Page, address: str) -> None:
    open_sheet(page, address)
    field = page.locator("#view-sheet").get_by_role("combobox", name="Breed")
    field.focus()
    page.keyboard.type("GAM")
    expect(page.locator("#view-sheet").get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#sheet-title")).to_have_text("gamma")
    assert values(page, "breed") == [GAMMA]
    field.blur()
    field.focus()
    page.keyboard.press("ArrowUp")
    active = page.locator(f"[id='{field.get_attribute('aria-activedescendant')}']")
    expect(active).to_have_text("beta")
    page.keyboard.press("Escape")
    expect(field).to_have_value("gamma")


def test_the_list_of_breeds_has_a_thumbnail_of_each(page: Page, address: str) -> None:
    open_sheet(page, address)
    thumbnails = page.locator("#view-sheet [role=option] canvas")
    expect(thumbnails).to_have_count(3)
    for place in range(3):
        expect(thumbnails.nth(place)).not_to_have_attribute("width", "1")
    assert len(set(pixels(thumbnails))) == 3


def test_truncation_changes_the_dogs_until_it_is_off_again(page: Page, address: str) -> None:
    first = open_sheet(page, address)
    view = page.locator("#view-sheet")
    view.get_by_label("Off").uncheck()
    expect(view.locator(".dog").first).to_have_attribute("data-dog", re.compile(f"^{ALPHA}~1~[0-9.]+$"))
    view.get_by_role("slider", name="Truncation").press("Home")
    low = view.get_by_role("slider", name="Truncation").get_attribute("min")
    expect(view.locator(".dog").first).to_have_attribute("data-dog", f"{ALPHA}~1~{low}")
    expect(page).to_have_url(re.compile(f"truncation={low}"))
    assert pixels(sheet(page)) != first
    view.get_by_label("Off").check()
    expect(view.locator(".dog").first).to_have_attribute("data-dog", f"{ALPHA}~1")
    assert pixels(sheet(page)) == first
    view.get_by_role("slider", name="Truncation").press("Home")  # moving the slider is enough
    expect(view.locator(".dog").first).to_have_attribute("data-dog", f"{ALPHA}~1~{low}")
    expect(view.get_by_label("Off")).not_to_be_checked()


def test_a_dog_keeps_names_of_breeds_with_any_sign(page: Page, address: str) -> None:
    page.goto(address)
    names = ["n00000001-a~b:c,d", "it's (50%)!*", "Łódź/ü&?#+ 犬"]
    written, back = page.evaluate(
        """async names => {
            const { read, write } = await import("/static/dogs.js");
            const breeds = names.map(folder => ({ folder, weight: 0.25 }));
            const dog = write({ breeds, latent: "child(7,1,0.3)", truncation: "0.7" });
            return [dog, read(dog)];
        }""",
        names,
    )
    assert re.fullmatch(r"[A-Za-z0-9%._:,-]+~child\(7,1,0\.3\)~0\.7", written)
    assert back["breeds"] == [{"folder": name, "weight": 0.25} for name in names]


def test_shares_that_are_almost_nothing_are_no_0_percent(page: Page, address: str) -> None:
    page.goto(address)
    corners = [f"{ALPHA}~1", f"{GAMMA}~2", f"{BREEDS[1]}~3", f"{BREEDS[1]}~4"]
    texts = page.evaluate(
        """async ([corners, old]) => {
            const { described, inside } = await import("/static/dogs.js");
            const dogs = [...[[0.004, 0], [0.0004, 0], [0.5, 0]].map(place => inside(corners, ...place, true)), old];
            return dogs.map(dog => described(dog).breeds);
        }""",
        [corners, f"{ALPHA}:1,{GAMMA}:0~1"],
    )
    assert [text.replace("\u00a0", " ") for text in texts] == [
        "100 % alpha, under 1 % gamma",
        "alpha",
        "50 % alpha, 50 % gamma",
        "100 % alpha",
    ]


def test_a_seed_that_is_none_is_refused_beside_the_field(page: Page, address: str) -> None:
    open_sheet(page, address)
    field = page.locator("#view-sheet").get_by_label("Seed", exact=True)
    field.fill("-3")
    field.press("Enter")
    expect(page.locator("#view-sheet .problem")).to_contain_text("whole number")
    assert values(page, "seed") == ["1"]


def test_a_dog_opens_with_children_and_each_child_is_a_dog(page: Page, address: str) -> None:
    open_sheet(page, address)
    page.locator("#sheet-dogs .dog").nth(2).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#dog-spec")).to_have_text(f"{ALPHA}~3")
    children = dialog.locator("#dog-children .dog")
    expect(children).to_have_count(8)
    child = pixels(children.nth(4).locator("canvas"))
    dialog.get_by_role("button", name="Child 5, alpha, 1 step from seed 3", exact=True).click()
    expect(dialog.locator("#dog-spec")).to_have_text(f"{ALPHA}~child(3,5,0.3)")
    expect(children).to_have_count(8)
    expect_pixels(dialog.locator("#dog-canvas"), child)
    page.go_back()
    expect(dialog.locator("#dog-spec")).to_have_text(f"{ALPHA}~3")
    page.go_forward()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert values(page, "dog") == []
    expect(page.locator("#sheet-dogs .dog").nth(2)).to_be_focused()


def test_a_dog_becomes_a_parent_a_corner_and_a_step(page: Page, address: str) -> None:
    dog = f"{GAMMA}~7"
    for button, view, name in (
        ("Use as parent 2", "cross", "other"),
        ("Use as bottom left corner of the pad", "pad", "corner"),
        ("Add to walk", "walk", "step"),
    ):
        open_sheet(page, address, f"dog={quote(dog)}")
        page.get_by_role("button", name=button).click()
        expect(page.locator(f"#view-{view}")).to_be_visible()
        assert dog in values(page, name)


def test_the_nearest_training_photo_is_shown_until_it_is_switched_off(page: Page, address: str) -> None:
    open_sheet(page, address, f"dog={quote(ALPHA + '~3')}")
    photo = page.get_by_role("img", name="The nearest training photo")
    expect(photo).to_have_js_property("naturalWidth", SIZE)
    expect(page.locator("#nearest-breed")).to_have_text("alpha")
    expect(page.locator("#nearest-text")).not_to_be_empty()
    page.get_by_label("Show it").uncheck()
    expect(photo).to_be_hidden()
    page.locator("#dog-children .dog").first.click()
    expect(page.get_by_role("dialog")).not_to_have_attribute("aria-busy", "true")
    expect(photo).to_be_hidden()


def test_the_link_of_a_dog_is_copied(page: Page, context: BrowserContext, address: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_sheet(page, address, f"dog={quote(ALPHA + '~3')}")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#dog-message")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert values(page, "dog") == [f"{ALPHA}~3"]


def test_long_dogs_are_drawn_in_several_requests(page: Page, address: str) -> None:
    latent = "1"
    while len(latent) < 400:
        latent = f"between({latent},{latent},0.5)"
    corners = "&".join(f"corner={quote(f'{ALPHA}~{latent}')}" for _ in range(4))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "strip.png" in request.url else None)
    page.goto(f"{address}/?view=pad&{corners}")
    expect(page.locator("#pad-back")).to_have_attribute("width", str(5 * SIZE))
    assert len(requests) > 2


def test_the_shares_of_a_mix_are_set_by_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=mix&mix={ALPHA}:0.5,{GAMMA}:0.5")
    dogs = page.locator("#mix-dogs canvas")
    expect(dogs).to_have_count(4)
    expect(page.locator("#mix-title")).to_have_text("50 % alpha, 50 % gamma")
    before = pixels(dogs)
    page.get_by_role("slider", name="share").first.focus()
    page.keyboard.press("Home")
    expect(page.locator("#mix-title")).to_have_text("gamma")
    expect(page).to_have_url(re.compile(re.escape(quote(f"{ALPHA}:0,{GAMMA}:0.5", safe=""))))
    assert pixels(dogs) != before
    page.go_back()
    expect(page.locator("#mix-title")).to_have_text("50 % alpha, 50 % gamma")


def test_two_parents_have_eight_different_children(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=cross&one={ALPHA}~1&other={ALPHA}~2")
    children = page.locator("#cross-dogs canvas")
    expect(children).to_have_count(8)
    first = pixels(children)
    assert len(set(first)) > 1
    names = page.locator("#view-cross .dog").evaluate_all("dogs => dogs.map(dog => dog.ariaLabel)")
    assert [name.split(",")[0] for name in names] == ["Parent 1", "Parent 2", *(f"Child {n}" for n in range(1, 9))]
    page.get_by_role("button", name="Other children").click()
    expect(page.locator("#cross-size")).to_contain_text("Children 9 to 16")
    assert pixels(children) != first
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#cross-size")).to_contain_text("Children 1 to 8")
    assert pixels(children) == first


def test_the_pad_moves_by_arrow_keys_with_one_request_at_a_time(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=pad")
    pad = page.get_by_role("slider", name="Place between the four dogs")
    expect(page.locator("#pad-text")).not_to_be_empty()
    before = pixels(page.locator("#pad-dog canvas"))
    running, most = set(), [0]

    def begin(request: object) -> None:
        running.add(request)
        most[0] = max(most[0], len(running))

    page.on("request", begin)
    page.on("requestfinished", lambda request: running.discard(request))
    pad.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(pad).to_have_attribute("aria-valuetext", "80\u00a0% to the right, 50\u00a0% down")
    expect(page.locator("#pad-dog")).to_have_attribute("data-dog", re.compile(r"0\.8\)"))
    expect(page).to_have_url(re.compile("x=0.8"))
    assert pixels(page.locator("#pad-dog canvas")) != before
    assert most == [1]
    page.go_back()
    expect(pad).to_have_attribute("aria-valuetext", "50\u00a0% to the right, 50\u00a0% down")


def test_the_pad_follows_the_pointer(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=pad")
    expect(page.locator("#pad")).to_be_visible()
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 50, box["y"] + box["height"] + 50, steps=8)
    page.mouse.up()
    expect(page.locator("#pad-place")).to_have_text("0 % to the right, 100 % down")


def test_a_film_plays_and_pauses(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=walk&frames=24&step={ALPHA}~1&step={GAMMA}~2")
    frame = page.get_by_role("slider", name="Frame", exact=True)
    expect(page.locator("#walk-size")).to_contain_text("24 frames")
    first = pixels(page.locator("#walk-canvas"))
    page.wait_for_timeout(500)
    assert pixels(page.locator("#walk-canvas")) != first
    page.get_by_role("button", name="Pause").click()
    stopped = frame.input_value()
    page.wait_for_timeout(500)
    assert frame.input_value() == stopped


def test_a_film_waits_for_people_who_prefer_still_pictures(browser: Browser, address: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}/?view=walk&frames=8&step={ALPHA}~1&step={GAMMA}~2")
    expect(page.locator("#walk-size")).to_contain_text("8 frames")
    page.wait_for_timeout(500)
    expect(page.get_by_role("slider", name="Frame", exact=True)).to_have_value("0")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("slider", name="Frame", exact=True)).not_to_have_value("0")
    context.close()


def test_the_links_of_a_film_answer(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=walk&frames=8&step={ALPHA}~1&step={GAMMA}~2")
    expect(page.locator("#walk-size")).to_contain_text("8 frames")
    film = page.request.get(address + page.locator("#walk-mp4").get_attribute("href"))
    assert film.status == 200 or (film.status == 400 and "PyAV" in film.json()["error"])
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as GIF").click()
    assert download.value.suggested_filename == "walk.gif"
    assert download.value.path().read_bytes().startswith(b"GIF8")


def test_sheets_and_dogs_are_saved(page: Page, address: str) -> None:
    open_sheet(page, address)
    for name, start in (("Save as PNG", b"\x89PNG"), ("Save each dog (ZIP)", b"PK")):
        with page.expect_download() as download:
            page.locator("#view-sheet").get_by_role("button", name=name).click()
        assert download.value.path().read_bytes().startswith(start)
    page.locator("#sheet-dogs .dog").first.click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Save as PNG").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    page.locator("#dog-children .dog").nth(1).click()
    expect(page.locator("#dog-spec")).to_have_text(f"{ALPHA}~child(1,2,0.3)")
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Save as PNG").click()
    assert download.value.suggested_filename == "alpha-child-1-2-0.3.png"


def test_a_link_of_another_generator_draws_only_after_consent(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=sheet&breed={ALPHA}&hash={'f' * 16}")
    notice = page.get_by_role("alert").filter(has_text="The generator has changed")
    expect(notice).to_contain_text("f" * 16)
    expect(sheet(page)).to_have_count(0)
    assert values(page, "hash") == ["f" * 16]
    notice.get_by_role("button", name="Draw with the present generator").click()
    expect(sheet(page)).to_have_count(16)
    expect(notice).to_be_hidden()
    assert values(page, "hash") != ["f" * 16]
    page.go_back()
    expect(notice).to_be_visible()
    expect(sheet(page).first).to_be_hidden()


def test_a_dog_of_another_generator_opens_only_after_consent(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=sheet&hash={'f' * 16}&dog={quote(ALPHA + '~3')}")
    notice = page.get_by_role("alert").filter(has_text="The generator has changed")
    expect(notice).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    notice.get_by_role("button").click()
    expect(page.get_by_role("dialog").locator("#dog-children .dog")).to_have_count(8)
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("body > #status")).to_have_count(1)  # it is inside of a dialog only while that is open


def test_a_generator_that_changes_while_the_page_is_open_is_announced(page: Page, studio: Studio, address: str) -> None:
    file = studio.folder / "models/generator.keras"
    before = file.read_bytes()
    first = open_sheet(page, address)
    mine = values(page, "hash")
    save_small(file, seed=1)
    page.get_by_role("button", name="Later seeds").click()
    notice = page.get_by_role("alert").filter(has_text="The generator has changed")
    expect(notice).to_contain_text(mine[0])
    notice.get_by_role("button").click()
    expect(page.locator("#sheet-size")).to_contain_text("Seeds 17 to 32")
    assert values(page, "hash") != mine
    page.get_by_role("button", name="Earlier seeds").click()
    expect(page.locator("#sheet-size")).to_contain_text("Seeds 1 to 16")
    assert pixels(sheet(page)) != first
    file.write_bytes(before)


def test_a_server_that_stops_during_a_film_is_waited_for(page: Page, studio: Studio, address: str) -> None:
    page.goto(f"{address}/?view=walk&frames=8&step={ALPHA}~1&step={GAMMA}~2")
    expect(page.locator("#walk-size")).to_contain_text("8 frames")
    studio.stop()
    page.get_by_role("slider", name="Frames").fill("16")
    status = page.locator("#status")
    expect(status).to_have_text("The server does not answer. Start it again with pedigree studio.")
    frame = page.get_by_role("slider", name="Frame", exact=True)
    expect(frame).not_to_have_value(frame.input_value())  # the film that is already here goes on
    studio.start()
    expect(page.locator("#walk-size")).to_contain_text("16 frames")
    expect(status).not_to_contain_text("does not answer")


def test_a_busy_server_gets_the_request_again(page: Page, relay: Relay) -> None:
    open_sheet(page, relay.address)
    relay.busy = True
    page.get_by_role("button", name="Later seeds").click()
    expect(page.locator("#status")).to_contain_text("The server is busy")
    relay.busy = False
    expect(page.locator("#sheet-size")).to_contain_text("Seeds 17 to 32")
    assert relay.refused


def test_another_generator_is_a_step_that_the_back_button_undoes(page: Page, address: str) -> None:
    first = open_sheet(page, address)
    mine = values(page, "hash")
    page.get_by_label("Generator", exact=True).select_option("stanford-dogs")
    expect(page).to_have_url(re.compile("model=stanford-dogs"))
    expect(sheet(page)).to_have_count(16)
    expect(page.locator("#facts")).to_contain_text(values(page, "hash")[0])
    assert values(page, "hash") != mine
    page.go_back()
    expect(page.locator("#facts")).to_contain_text(mine[0])
    expect_pixels(sheet(page), first)
    expect(page.locator("#sheet-title")).to_have_text("alpha")


def test_generators_are_compared_in_rows(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=compare")
    rows = page.locator("#compare-rows .side-by-side")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".dog")).to_have_count(8)
    expect(rows.nth(1).locator(".note")).not_to_be_empty()  # the dogs' size, or that it has no such breed
    expect(page.locator("#compare-scores .scores")).to_have_count(1)
    assert all(re.fullmatch(".+@[0-9a-f]{16}", one) for one in values(page, "with"))
    expect(page.get_by_role("button", name="Add a generator")).to_be_disabled()  # both that there are have a row


def test_a_comparison_adds_a_generator_that_it_does_not_have(page: Page, address: str) -> None:
    model = page.request.get(f"{address}/api/models").json()["models"][0]
    page.goto(f"{address}/?view=compare&with=current@{model['hash']}")
    expect(page.locator("#compare-scores")).to_contain_text("Add another generator")
    page.get_by_role("button", name="Add a generator").click()
    expect(page.locator("#compare-rows .side-by-side")).to_have_count(2)
    first, second = values(page, "with")
    assert first.split("@")[1] != second.split("@")[1]


def test_without_a_project_the_generator_is_listed_once(page: Page, tmp_path: Path) -> None:
    alone = Studio(tmp_path)
    alone.start()
    try:
        page.goto(f"{alone.address}/?view=compare")
        expect(page.locator("#compare-scores")).to_contain_text("There is no other generator here")
        expect(page.get_by_role("button", name="Add a generator")).to_be_disabled()
        expect(page.get_by_label("Generator", exact=True).locator("option")).to_have_count(1)
        page.goto(f"{alone.address}/?view=sheet&model=stanford-dogs")
        expect(sheet(page)).to_have_count(16)
        expect(page.get_by_label("Generator", exact=True)).to_have_value("stanford-dogs")
    finally:
        alone.stop()


def test_an_unknown_revision_is_refused_and_the_page_stays(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=compare")
    expect(page.locator("#compare-rows .dog").first).to_be_visible()
    page.get_by_label("Revision").fill("no-such-branch-bad")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#status")).to_contain_text("no-such-branch-bad")
    expect(page.locator("#compare-rows .side-by-side")).to_have_count(2)


def test_a_link_without_a_loadable_generator_says_so(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=sheet&model=rev:no-such-branch-bad")
    expect(page.get_by_role("alert").filter(has_text="no such generator")).to_be_visible()
    page.get_by_label("Generator", exact=True).select_option("current")
    expect(sheet(page)).to_have_count(16)


def test_a_refusal_of_the_server_is_shown(page: Page, address: str) -> None:
    page.goto(f"{address}/?view=sheet&breed=n00000009-cat")
    expect(page.locator("#status")).to_contain_text("n00000009-cat")


def test_each_tab_is_a_link_that_the_keyboard_follows(page: Page, address: str) -> None:
    open_sheet(page, address)
    for view in VIEWS:
        page.locator(f"#tabs [data-view={view}]").focus()
        page.keyboard.press("Enter")
        expect(page.locator(f"#view-{view}")).to_be_visible()
        expect(page.locator("#tabs [aria-current=page]")).to_have_attribute("data-view", view)
        expect(page.locator(f"#view-{view} canvas").first).not_to_have_attribute("width", "1")


def test_every_field_has_a_name(page: Page, address: str) -> None:
    open_sheet(page, address)
    for view in VIEWS:
        page.goto(f"{address}/?view={view}")
        expect(page.locator(f"#view-{view}")).to_be_visible()
        unnamed = page.locator(f"#view-{view}").evaluate(
            "view => [...view.querySelectorAll('input, select, button')].filter(one => !one.getAttribute('aria-label')"
            " && !one.labels?.length && !one.textContent.trim()).map(one => one.outerHTML)"
        )
        assert unnamed == []


@pytest.mark.parametrize("path", [*(f"?view={view}" for view in VIEWS), f"?view=sheet&dog={ALPHA}~3", "docs"])
def test_a_phone_never_scrolls_sideways(browser: Browser, address: str, path: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}/{path}")
    page.wait_for_load_state("networkidle")
    width = page.evaluate("document.documentElement.scrollWidth")
    dialog = page.locator("dialog[open]").evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
    context.close()
    assert width <= 360
    assert all(beyond <= 0 for beyond in dialog)


def test_the_colours_follow_the_system(browser: Browser, address: str) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(address)
        seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert len(seen) == 2


def test_the_page_of_the_api_lists_every_endpoint(page: Page, address: str) -> None:
    paths = json.loads(page.request.get(f"{address}/openapi.json").text())["paths"]
    page.goto(f"{address}/docs")
    expect(page.locator(".endpoint")).to_have_count(sum(len(methods) for methods in paths.values()))
    for path in paths:
        expect(page.locator(".endpoint h3", has_text=path).first).to_be_visible()


def test_an_old_answer_never_replaces_a_newer_one(page: Page, address: str) -> None:
    open_sheet(page, address)
    for _ in range(5):
        page.get_by_role("button", name="Later seeds").click()
    expect(page.locator("#sheet-size")).to_contain_text("Seeds 81 to 96")
    time.sleep(0.5)
    expect(page.locator("#sheet-dogs .seed").first).to_have_text("81")
