"""Uses the chat page as a person would, in headless Chromium, and says what does not work.

page_browser.py --url URL --keyed-url URL --pictures FOLDER

tests/serve/page_browser.cpp starts the two servers that it wants.
"""
import argparse
import json
import os
import sys
import time

import browser
from browser import Page, check
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


def look_at_text(page):
    page.open(page.url)
    check(len(page.all(".starters button")) == 4, "four questions to begin with")
    page.picture("welcome-light")
    first = page.all(".starters button")[0].text
    page.click(".starters button")
    page.until(lambda: page.idle() and page.answers() == ["You said: " + first],
               "a starter is asked")
    check(page.one("#title").text == first, "the conversation is named by its question")
    page.until(lambda: page.all(".talk.here"), "and stands in the list")

    page.asked("Please write markdown, with everything")
    text = page.all(".message.assistant .text")[-1]
    html = text.get_attribute("innerHTML")
    for tag in ("<strong>bold</strong>", "<em>soft</em>", "<del>gone</del>", "<h2>", "<ol>", "<ul>",
                "<blockquote>", "<th", 'class="right"', "日本語", "☃ 🙂",
                "<code>code &lt;b&gt;x&lt;/b&gt;</code>"):
        check(tag in html, f"Markdown makes {tag}")
    links = text.find_elements(By.CSS_SELECTOR, "a")
    check([each.get_attribute("href") for each in links] ==
          ["https://example.org/page?a=1&b=2", "https://example.org/"], "links lead where they say")
    check(all("noopener" in each.get_attribute("rel") for each in links), "and open apart")
    check("�" not in text.text, "characters that came in pieces are whole")
    check('return 0 < 1 && "<script>";' in page.one(".code pre").text, "code stays as it is")
    page.click(".code-top button")
    page.picture("markdown-light")

    page.asked("attack me")
    text = page.all(".message.assistant .text")[-1]
    check(page.js("return window.hacked") is None, "nothing in an answer is executed")
    check(not text.find_elements(By.CSS_SELECTOR, "img, script, svg:not(.icon), iframe, i"),
          "nor becomes an element")
    check(not [each for each in text.find_elements(By.CSS_SELECTOR, "a")
               if not each.get_attribute("href").startswith("http")], "nor an odd link")
    check("<script>window.hacked=1</script>" in text.text, "it is shown as it was written")


def use_composer(page):
    page.click("#new-chat")
    page.until(lambda: page.one("#welcome"), "a new chat is empty")
    prompt = page.one("#prompt")
    check(not page.one("#send").is_enabled(), "nothing cannot be sent")
    low = prompt.size["height"]
    for line in ("one", "two"):
        prompt.send_keys(line)
        prompt.send_keys(Keys.SHIFT + Keys.ENTER)
    prompt.send_keys("three")
    check(prompt.get_attribute("value") == "one\ntwo\nthree", "Shift Enter makes a line")
    check(prompt.size["height"] > low * 1.8, "the field grows with its lines")
    prompt.send_keys(Keys.ENTER)
    page.until(lambda: page.idle() and page.answers() == ["You said: three"], "Enter sends")
    check(prompt.size["height"] == low, "and the field is small again")

    page.type("Go on for ever")
    page.click("#send")
    page.until(lambda: page.all(".caret") and len(page.answers()[-1]) > 60, "text streams")
    page.picture("streaming")
    page.click("#stop")
    page.until(lambda: page.idle(), "stop stops")
    stopped = page.answers()[-1]
    check(40 < len(stopped) < 500, f"in the middle, not at {len(stopped)}")
    check("You stopped this answer." in page.one("#messages").text, "and says so")
    page.driver.refresh()
    page.until(lambda: len(page.answers()) == 2, "the conversation is there after a reload")
    check(page.answers()[-1] == stopped, "with what was said before the stop")
    page.type("Go on for ever")
    page.one("#prompt").send_keys(Keys.ENTER)
    page.until(lambda: page.all(".caret") and "and on" in page.answers()[-1], "it streams again")
    page.one("body").send_keys(Keys.ESCAPE)
    page.until(lambda: page.idle() and len(page.answers()) == 3, "Escape stops too")
    check("[fruit], as ever" in page.asked("Tell the secret"), "a masked word never arrives")
    page.type("you fool")
    page.one("#prompt").send_keys(Keys.ENTER)
    page.until(lambda: "Let us stay polite." in page.one(".problem").text,
               "a rule's words are shown")
    check(page.one("#prompt").get_attribute("value") == "you fool", "and the question stays")
    page.js("document.getElementById('prompt').value = ''")
    page.type("break now")
    page.one("#prompt").send_keys(Keys.ENTER)
    page.until(lambda: "The model broke." in page.one(".problem").text, "a failure is a sentence")
    page.picture("error")
    check("It went well until" in page.one("#messages").text, "with what was there")


def use_branches(page):
    page.click("#new-chat")
    page.asked("alpha")
    page.label("Answer again")
    page.until(lambda: page.idle() and "2 / 2" in page.one("#messages").text, "an answer anew")
    page.label("Previous answer")
    page.until(lambda: "1 / 2" in page.one("#messages").text, "the first answer is still there")
    page.label("Next answer")
    page.until(lambda: "2 / 2" in page.one("#messages").text, "and so is the second")
    page.asked("beta")
    page.label("Edit the question")
    area = page.one(".edit textarea")
    check(area.get_attribute("value") == "alpha", "the first question can be edited")
    area.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all(".edit"), "or not")
    page.label("Edit the question")
    area = page.one(".edit textarea")
    area.clear()
    area.send_keys("gamma")
    page.click(".edit .button.main")
    page.until(lambda: page.idle() and page.answers() == ["You said: gamma"],
               "edited and asked again")
    page.label("Previous question")
    page.until(lambda: page.answers() == ["You said: alpha", "You said: beta"],
               "the old branch is whole")
    page.driver.refresh()
    page.until(lambda: page.answers() == ["You said: alpha", "You said: beta"], "it is kept so")
    page.one("#prompt").send_keys(Keys.ARROW_UP)
    check(page.one(".edit textarea").get_attribute("value") == "beta", "up edits the last question")
    page.click(".edit .button:not(.main)")


def rate(page):
    page.label("Good answer", -1)
    page.until(lambda: page.one(".panel"), "a thumb asks why")
    page.click(".chips button")
    check(page.all('.chips [aria-pressed="true"]')[0].text == "Correct", "a reason is chosen")
    page.click(".panel .button:not(.main)")
    page.label("Bad answer", -1)
    page.click(".chips button", 1)
    fields = page.all(".panel textarea")
    fields[0].send_keys("It only repeats me.")
    fields[1].send_keys("A better answer.")
    page.picture("rating")
    page.click(".panel .button.main")
    page.until(lambda: not page.all(".panel"), "the rating is sent")
    page.driver.refresh()
    page.until(lambda: page.all('[aria-label="Bad answer"][aria-pressed="true"]'), "and kept")
    page.label("Bad answer", -1)
    page.until(lambda: not page.all('[aria-label="Bad answer"][aria-pressed="true"]'),
               "or taken back")
    page.label("Bad answer", -1)
    page.click(".panel .button:not(.main)")
    page.label("Copy the answer")
    page.label("Copy the question")


def look_at_tokens(page):
    page.label("Show likeliest tokens", -1)
    page.until(lambda: len(page.all(".tokens button")) == len("You said: beta"),
               "an answer in tokens")
    page.click(".tokens button", 4)
    page.until(lambda: len(page.all("#chances li")) == 5, "a click shows the five likeliest")
    check("%" in page.one("#chances").text, "with how likely they were")
    page.picture("tokens")
    page.one("body").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.displayed("#chances"), "Escape closes them")
    page.label("Show likeliest tokens", -1)
    page.until(lambda: not page.all(".tokens"), "and the text comes back")


def use_history(page):
    page.click("#new-chat")
    page.asked("throw this away")
    page.until(lambda: "throw this away" in page.one(".talk").text, "a new conversation is on top")
    before = len(page.all(".talk"))
    check(before >= 4, "conversations are listed")
    page.one("body").send_keys(Keys.CONTROL + "k")
    check(page.js("return document.activeElement.id") == "search", "Control K searches")
    page.one("#search").send_keys("gamma")
    page.until(lambda: len(page.all(".talk")) == 1, "a word of a message finds its conversation")
    page.picture("search")
    page.one("#search").send_keys("zzz")
    page.until(lambda: "Nothing found" in page.one("#history").text, "or says that there is none")
    page.js("const s = document.getElementById('search'); s.value = ''; "
            "s.dispatchEvent(new Event('input'))")
    page.until(lambda: len(page.all(".talk")) == before, "all are back")
    page.js("document.querySelector('.talk .tools button').focus()")
    page.tool("Rename")
    field = page.one(".talk input")
    field.send_keys(Keys.CONTROL + "a")
    field.send_keys("A new name <b>", Keys.ENTER)
    page.until(lambda: "A new name <b>" in page.one("#history").text, "a conversation is renamed")
    page.js("document.querySelector('.talk .tools button').focus()")
    page.tool("Delete")
    page.click("#confirm-no")
    check(len(page.all(".talk")) == before, "deleting asks first")
    page.js("document.querySelector('.talk .tools button').focus()")
    page.tool("Delete")
    page.click("#confirm-yes")
    page.until(lambda: len(page.all(".talk")) == before - 1, "and then deletes")
    page.click(".talk .open")
    page.until(lambda: page.all(".talk.here") and page.answers(), "one is opened")


def use_dialogs(page):
    page.click("#open-settings")
    page.until(lambda: len(page.all(".slider input")) == 6, "six settings")
    page.js("const s = document.querySelector('.slider input'); s.value = 0.3; "
            "s.dispatchEvent(new Event('input'))")
    page.until(lambda: page.all(".slider output")[0].text == "0.3", "a slider says its value")
    page.one("#system").send_keys("Be brief.")
    page.picture("settings")
    page.click("#save-settings")
    page.until(lambda: not page.all("dialog[open]"), "saved")
    page.driver.refresh()
    page.until(lambda: page.answers(), "after a reload")
    page.click("#open-settings")
    page.until(lambda: page.all(".slider output")[0].text == "0.3", "settings are kept")
    check(page.one("#system").get_attribute("value") == "Be brief.", "the system prompt too")
    page.click("#reset-settings")
    check(page.all(".slider output")[0].text != "0.3", "defaults come back")
    page.click("#settings [data-close]")

    page.click("#open-about")
    page.until(lambda: "721.8 k" in page.one("#about-body").text, "About tells the size")
    for words in ("97.5 %", "world.txt", "Limits", "tiny-chat"):
        page.until(lambda: words in page.one("#about-body").text, f"About tells {words}")
    page.picture("about")
    page.one("body").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog[open]"), "Escape closes a dialog")
    page.click("#model-name")
    page.click("#about [data-close]")

    page.click("#open-data")
    page.click("#consent")
    page.until(lambda: page.js("return document.getElementById('consent').checked"),
               "consent is given")
    page.picture("data")
    page.click("#export")
    page.until(lambda: os.listdir(page.downloads.name) == ["conversations.jsonl"],
               "an export comes")
    with open(os.path.join(page.downloads.name, "conversations.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    check(len(lines) > 3 and all(line["messages"][-1]["role"] in ("user", "assistant")
                                 for line in lines), "of OpenAI messages")
    check(any(record.get("rating", {}).get("value") == -1
              for line in lines for record in line["records"]), "with ratings")
    page.click("#data [data-close]")


def change_looks(page):
    page.click("#theme")
    check(page.js("return document.documentElement.dataset.theme") == "dark", "dark")
    page.click(".talk .open", -1)
    page.until(lambda: page.all(".code"), "the conversation with Markdown")
    page.picture("markdown-dark")
    page.driver.refresh()
    page.until(lambda: page.answers(), "after a reload")
    check(page.js("return document.documentElement.dataset.theme") == "dark", "dark is kept")
    page.size(390, 844, 2, True)
    page.until(lambda: page.one("#open-sidebar"), "a phone has a drawer")
    time.sleep(0.4)
    page.picture("phone-dark")
    page.click("#theme")
    page.picture("phone-light")
    check(page.js("return document.documentElement.scrollWidth <= innerWidth"),
          "nothing is too wide")
    page.click("#open-sidebar")
    page.until(lambda: page.one("#new-chat"), "it opens")
    time.sleep(0.4)
    page.picture("phone-drawer")
    page.one("body").send_keys(Keys.ESCAPE)
    page.until(lambda: not page.js("return document.body.classList.contains('drawer')"),
               "and closes")
    page.click("#open-sidebar")
    time.sleep(0.4)
    page.click("#new-chat")
    page.until(lambda: page.one("#welcome"), "a new chat on a phone")
    time.sleep(0.4)
    page.picture("phone-welcome")
    page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def be_refused(page, other):
    """A second browser takes all places of the server: the question waits and comes through."""
    other.open(other.url)
    for text in ("Go on for ever", "Go on for ever, please"):
        other.js("window.open(arguments[0])", other.url)
    for place, window in enumerate(other.driver.window_handles[1:]):
        other.driver.switch_to.window(window)
        other.until(lambda: other.all(".starters button"), "a second window")
        other.type("Go on for ever")
        other.one("#prompt").send_keys(Keys.ENTER)
        other.until(lambda: other.all(".caret"), "both places are taken")
    page.click("#new-chat")
    page.type("Is there room?")
    page.one("#prompt").send_keys(Keys.ENTER)
    page.until(lambda: "busy" in page.one(".problem").text
            and "Next try in" in page.one(".problem").text,
               "a busy server is waited for, in words")
    page.picture("busy")
    page.until(lambda: page.idle() and page.answers() == ["You said: Is there room?"],
               "and asked again by itself", 40)
    check(len([each for each in page.all(".message.user")]) == 1, "the question is there once")
    other.click("#new-chat")
    check(not [each for each in other.all(".talk") if "Is there room" in each.text],
          "another browser is another person")


def forget(page):
    page.click("#open-data")
    page.click("#erase")
    page.click("#confirm-yes")
    page.until(lambda: not page.all(".talk") and page.one("#welcome"), "everything is deleted")
    page.driver.refresh()
    page.until(lambda: "will be kept here" in page.one("#history").text, "for good")
    page.picture("empty")


def use_keys(page):
    page.driver.get(page.keyed)
    page.until(lambda: page.one("#key-dialog"), "a key is asked for")
    page.picture("key")
    page.one("#key").send_keys("wrong", Keys.ENTER)
    page.until(lambda: "none of this server" in page.one("#key-why").text, "a wrong one is refused")
    page.one("#key").send_keys("key-of-anna", Keys.ENTER)
    page.until(lambda: page.all(".starters button"), "the right one opens")
    page.asked("hello")
    page.driver.refresh()
    page.until(lambda: page.answers() == ["You said: hello"], "and is asked for once")
    page.click("#open-data")
    page.until(lambda: "anna" in page.one("#whose").text, "whose data it is")
    page.click("#forget-key")
    page.until(lambda: page.one("#key-dialog"), "another key can be used")


def names_of_controls(page):
    bad = page.js("""const all = document.querySelectorAll('button, input, textarea');
        return [...all].filter((each) => !each.getAttribute('aria-label') &&
          !each.textContent.trim() && !each.labels?.length).map((each) => each.outerHTML)""")
    check(bad == [], f"every control has a name: {bad}")


def quiet(page):
    expected = ("status of 4", "status of 5")  # refusals that the test asks for
    said = [each["message"] for each in page.driver.get_log("browser")
            if each["level"] == "SEVERE" and not any(one in each["message"] for one in expected)]
    check(said == [], f"the browser complains of nothing: {said}")


def test(arguments):
    page, other = Page(arguments.pictures), None
    try:
        page.url, page.keyed = arguments.url, arguments.keyed_url
        for part in (look_at_text, use_composer, use_branches, rate, look_at_tokens, use_history,
                     use_dialogs, change_looks):
            began = time.monotonic()
            part(page)
            names_of_controls(page)
            quiet(page)
            print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        other = Page(arguments.pictures)
        other.url = arguments.url
        be_refused(page, other)
        forget(page)
        use_keys(page)
        quiet(page)
    finally:
        page.close()
        if other:
            other.close()
    print(f"{browser.CHECKS} promises of the page hold")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--keyed-url")
    parser.add_argument("--pictures")
    arguments = parser.parse_args()
    if arguments.pictures:
        os.makedirs(arguments.pictures, exist_ok=True)
    try:
        test(arguments)
    except AssertionError as broken:
        print(f"The page does not keep its promise: {broken}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
