"""A headless Chromium at the chat page, and promises that are counted."""
import os
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CHECKS = 0


def check(holds, promise):
    global CHECKS
    CHECKS += 1
    if not holds:
        raise AssertionError(promise)


class Page:
    """One browser, with a profile of its own."""

    def __init__(self, pictures):
        options = webdriver.ChromeOptions()
        self.profile = tempfile.TemporaryDirectory()
        self.downloads = tempfile.TemporaryDirectory()
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--user-data-dir=" + self.profile.name, "--window-size=1280,860",
                     "--force-device-scale-factor=1", "--hide-scrollbars", "--lang=en"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.add_experimental_option(
            "prefs", {"download.default_directory": self.downloads.name})
        self.driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.pictures = pictures

    def close(self):
        self.driver.quit()
        self.profile.cleanup()
        self.downloads.cleanup()

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, holds, promise, seconds=15):
        """Waits until holds() is true, and returns what it was."""
        global CHECKS
        CHECKS += 1
        end = time.monotonic() + seconds
        problem = None
        while time.monotonic() < end:
            try:
                value = holds()
                if value:
                    return value
            except Exception as caught:  # an element that was just replaced
                problem = caught
            time.sleep(0.03)
        self.picture("failure")
        raise AssertionError(promise + (f" ({problem})" if problem else ""))

    def one(self, selector):
        found = self.until(
            lambda: [each for each in self.all(selector) if each.is_displayed()],
            f"{selector} is on the page")
        return found[0]

    def click(self, selector, place=0):
        """Clicks one of those that can be seen, the last one for place -1."""
        def attempt():
            shown = [each for each in self.all(selector) if each.is_displayed()]
            if len(shown) <= (place if place >= 0 else 0):
                # Buttons that show themselves under the mouse do so for the keyboard too.
                self.js("document.querySelectorAll(arguments[0])[0]?.focus()", selector)
                return False
            shown[place].click()
            return True
        self.until(attempt, f"{selector} can be clicked")

    def displayed(self, selector):
        return [each for each in self.all(selector) if each.is_displayed()]

    def tool(self, words):
        """A button of the first conversation in the list."""
        self.click(f'.talk .tools [aria-label^="{words}"]')

    def label(self, words, place=0):
        self.click(f'[aria-label="{words}"]', place)

    def picture(self, name):
        if self.pictures:
            self.driver.save_screenshot(os.path.join(self.pictures, name + ".png"))

    def size(self, width, height, scale=1, phone=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone})

    def type(self, text):
        prompt = self.one("#prompt")
        prompt.send_keys(text)

    def answers(self):
        return [each.text for each in self.all(".message.assistant .text")]

    def idle(self):
        return self.all("#send:not([hidden])") and not self.all(".caret, .waiting")

    def asked(self, text, seconds=30):
        """Sends a question and waits for its answer."""
        before = len(self.all(".message"))
        self.type(text)
        self.one("#prompt").send_keys(Keys.ENTER)
        self.until(lambda: len(self.all(".message")) > before and self.idle()
                   and self.all(".message.assistant .actions"), "an answer comes", seconds)
        return self.answers()[-1]

    def open(self, url):
        self.driver.get(url)
        self.until(lambda: self.all(".starters button") or self.all(".message")
                   or self.all("dialog[open]"), "the page starts")
