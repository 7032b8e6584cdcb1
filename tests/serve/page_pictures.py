"""Pictures of the chat page for README.md, of a model that `ctgpt serve` serves.

page_pictures.py --url URL --pictures FOLDER --ask TEXT ... --ask-last TEXT ...
"""
import argparse
import os
import sys
import time

from browser import Page

def smaller(path):
    """A picture of few colours, so that the repository stays small."""
    try:
        from PIL import Image
    except ImportError:
        return
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(colors=128, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def show(arguments):
    page = Page(arguments.pictures)
    try:
        page.size(1180, 760)
        page.open(arguments.url)
        for text in arguments.ask:
            page.asked(text, 90)
        page.click("#new-chat")
        for text in arguments.ask_last:
            page.asked(text, 90)
        page.js("document.getElementById('notes').replaceChildren()")
        page.picture("light")
        page.click("#theme")
        page.picture("dark")
        page.size(390, 844, 1.5, True)
        time.sleep(0.4)
        page.picture("phone")
        for name in ("light", "dark", "phone"):
            smaller(os.path.join(arguments.pictures, name + ".png"))
    finally:
        page.close()



if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--pictures", required=True)
    parser.add_argument("--ask", action="append", default=[])
    parser.add_argument("--ask-last", action="append", default=[])
    given = parser.parse_args()
    os.makedirs(given.pictures, exist_ok=True)
    sys.exit(show(given))
