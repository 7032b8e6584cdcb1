#!/usr/bin/env python3
"""Trains the models of include/ctgpt/data/language.hpp and writes its tables,
data/language_latin.hpp and data/language_cyrillic.hpp.

Usage: make_language_tables.py LINGUA UDHR STOPWORDS [HELD_OUT]
needs numpy; the folders are checkouts of
  LINGUA     github.com/pemistahl/lingua-rs: language-models/*/testdata/*.txt, 1,000 sentences of
             news and 3,000 words a language (Apache-2.0; from the Leipzig Corpora Collection)
  UDHR       github.com/eric-muller/udhr: the Universal Declaration of Human Rights (public)
  STOPWORDS  github.com/stopwords-iso/stopwords-iso: frequent words (MIT)
  HELD_OUT   a folder of CODE.txt with a sentence a line, for the accuracy that is printed

Softmax regression over hashed n-grams, AdaGrad, batches of 128, eight epochs, half of the sentences
cut to a random part; the languages of OTHERS are one class more, "und". Weights are rounded to
4 bits: w = scale * (0 to 14 - 7), three in two characters of base 64. One seed, one thread.
"""
import json
import pathlib
import re
import sys

import numpy as np

SCRIPTS = {
    "latin": ("en de fr es it pt nl pl cs sv da no fi hu ro tr vi id ca",
              "la sw sq eu et lt lv sl hr is ga cy so tl yo zu xh eo af sk", 2816),
    "cyrillic": ("ru uk bg", "be sr mk mn kk", 5120),
}
LINGUA_NAMES = {"no": "nb"}
UDHR_NAMES = dict(en="eng", de="deu_1996", fr="fra", es="spa", it="ita", pt="por_PT", nl="nld",
                  pl="pol", cs="ces", sv="swe", da="dan", no="nob", fi="fin", hu="hun",
                  ro="ron_2006", tr="tur", vi="vie", id="ind", ca="cat", ru="rus", uk="ukr",
                  bg="bul")
WEAK = {"und": 0.5, "ca": 0.5}  # rarer in text at large than in the training sentences
BLANK, MULTIPLIER, WORD = 32, np.uint64(0x9E3779B97F4A7C15), 0x5851F42D4C957F2D
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def small(c):
    if c < 0xC0:
        return c + 32 if 65 <= c <= 90 else c
    if c <= 0xDE:
        return c + 32
    if c == 0x130:
        return ord("i")
    if (0x100 <= c <= 0x137 or 0x14A <= c <= 0x177 or 0x218 <= c <= 0x21B
            or 0x1E00 <= c <= 0x1EFF or c == 0x1A0):
        return c | 1
    if 0x139 <= c <= 0x148 or 0x179 <= c <= 0x17E or c == 0x1AF:
        return c + (c & 1)
    if 0x410 <= c <= 0x42F:
        return c + 32
    return c + 80 if 0x400 <= c <= 0x40F else c


def is_letter(script, c):
    if script == "cyrillic":
        return 0x400 <= c <= 0x52F
    return (65 <= c <= 90 or 97 <= c <= 122 or (0xC0 <= c <= 0x24F and c not in (0xD7, 0xF7))
            or 0x1E00 <= c <= 0x1EFF)


def letter_table(script):
    table = np.full(0x10000, BLANK, np.uint64)
    for c in range(0x10000):
        if is_letter(script, c):
            table[c] = small(c)
        elif 0x300 <= c <= 0x36F:
            table[c] = c
    return table


def symbols(table, text):
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    codes = table[np.where(codes < 0x10000, codes, BLANK)]
    marks = (codes >= 0x300) & (codes <= 0x36F)
    codes = np.where(marks & np.concatenate(([True], codes[:-1] == BLANK)), BLANK, codes)
    return squeezed(codes)


def squeezed(codes):
    codes = np.concatenate(([BLANK], codes, [BLANK])).astype(np.uint64)
    keep = np.ones(len(codes), bool)
    keep[1:] = (codes[1:] != BLANK) | (codes[:-1] != BLANK)
    return codes[keep]


def features(s, slots):
    letters = s != BLANK
    shift = [np.uint64(16 * i) for i in range(4)]
    keys = [s[letters], (s[:-1] << shift[1]) | s[1:]]
    if len(s) > 2:
        keys.append(((s[:-2] << shift[2]) | (s[1:-1] << shift[1]) | s[2:])[letters[1:-1]])
    if len(s) > 3:
        four = (s[:-3] << shift[3]) | (s[1:-2] << shift[2]) | (s[2:-1] << shift[1]) | s[3:]
        keys.append(four[letters[1:-2] & letters[2:-1]])
    words, word = [], 0
    for c in s.tolist():
        if c != BLANK:
            word = (word * WORD + c + 1) & 0xFFFFFFFFFFFFFFFF
        elif word:
            words.append(word)
            word = 0
    keys.append(np.array(words, np.uint64))
    hashed = (np.concatenate(keys) * MULTIPLIER) >> np.uint64(32)
    return ((hashed * np.uint64(slots)) >> np.uint64(32)).astype(np.int64)


def lines_of(lingua, code, name):
    folder = lingua / "language-models" / LINGUA_NAMES.get(code, code) / "testdata"
    return [line for line in (folder / f"{name}.txt").read_text().splitlines() if line.strip()]


# Eight words in a row that have nothing to do with each other.
def word_rows(lingua, code):
    words = lines_of(lingua, code, "word-pairs") + lines_of(lingua, code, "single-words")
    words = " ".join(words).split()
    return [" ".join(words[i:i + 8]) for i in range(0, len(words), 8)]


def training(script, lingua, udhr, stopwords, random):
    known, others, _ = SCRIPTS[script]
    texts = []
    frequent = json.loads((stopwords / "stopwords-iso.json").read_text())
    for label, code in enumerate(known.split()):
        xml = (udhr / f"data/udhr/udhr_{UDHR_NAMES[code]}.xml").read_text()
        paragraphs = [re.sub("<[^>]*>", "", p) for p in re.findall("<para>(.*?)</para>", xml, re.S)]
        words = [" ".join(random.choice(frequent[code], 12)) for _ in range(60)]
        lines = lines_of(lingua, code, "sentences") + word_rows(lingua, code)
        texts += [(text, label) for text in lines + paragraphs + words]
    for code in others.split():
        lines = lines_of(lingua, code, "sentences")[:400] + word_rows(lingua, code)[:150]
        texts += [(text, len(known.split())) for text in lines]
    return texts


def train(script, texts, random, epochs=8, batch=128, rate=0.2):
    codes = SCRIPTS[script][0].split() + ["und"]
    slots, table = SCRIPTS[script][2], letter_table(script)
    streams = [symbols(table, text) for text, _ in texts]
    labels = np.array([label for _, label in texts])
    costs = len(labels) / (len(codes) * np.bincount(labels, minlength=len(codes)))
    costs = (costs * [WEAK.get(code, 1.0) for code in codes]).astype(np.float32)
    weights, biases = np.zeros((slots, len(codes)), np.float32), np.zeros(len(codes), np.float32)
    squares = np.full_like(weights, 1e-3)
    for _ in range(epochs):
        order = random.permutation(len(streams))
        for at in range(0, len(order), batch):
            chosen = order[at:at + batch]
            x = np.zeros((len(chosen), slots), np.float32)
            for row, which in enumerate(chosen):
                s = streams[which]
                if len(s) > 40 and random.random() < 0.5:
                    size = random.integers(20, len(s))
                    begin = random.integers(0, len(s) - size + 1)
                    s = squeezed(s[begin:begin + size])
                if len(s) < 2:
                    continue
                f = features(s, slots)
                x[row] = np.bincount(f, minlength=slots) / np.sqrt(len(f))
            z = x @ weights + biases
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(chosen)), labels[chosen]] -= 1
            p *= costs[labels[chosen]][:, None] / len(chosen)
            gradient = x.T @ p
            squares += gradient * gradient
            weights -= rate * gradient / np.sqrt(squares)
            biases -= 0.01 * rate * p.sum(0)
    return weights, biases


def accuracy(script, weights, biases, folder):
    known, _, slots = SCRIPTS[script]
    table, codes = letter_table(script), known.split() + ["und"]
    right = total = 0
    for path in sorted(pathlib.Path(folder).glob("*.txt")):
        if path.stem not in codes:
            continue
        hits = lines = 0
        for line in path.read_text().splitlines():
            s = symbols(table, line)
            if len(s) < 2:
                continue
            f = features(s, slots)
            hits += codes[int((weights[f].sum(0) / np.sqrt(len(f)) + biases).argmax())] == path.stem
            lines += 1
        print(f"  {path.stem}: {hits / lines:.4f} of {lines} sentences")
        right, total = right + hits, total + lines
    print(f"  {script}: {right / max(total, 1):.4f} of {total} sentences")


# What multiplies z so that the scores of sentences kept from training are probabilities.
def temperature(script, weights, biases, texts):
    slots, table = SCRIPTS[script][2], letter_table(script)
    z, labels = [], []
    for text, label in texts:
        s = symbols(table, text)
        if len(s) > 2:
            f = features(s, slots)
            z.append(weights[f].sum(0) / np.sqrt(len(f)) + biases)
            labels.append(label)
    z, labels = np.array(z), np.array(labels)

    def loss(factor):
        scaled = factor * z
        scaled -= scaled.max(1, keepdims=True)
        return np.mean(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(labels)), labels])
    return min(np.arange(0.5, 6.0, 0.05), key=loss)


HEAD = """// The weights of data/language.hpp for languages in {script} letters, four bits each.
//
// Made by tests/golden/make_language_tables.py, which says from what; not to be edited. Trained on
// sentences of the Leipzig Corpora Collection as lingua-rs has them (Apache-2.0), the Universal
// Declaration of Human Rights, and the word lists of stopwords-iso (MIT).
#pragma once

#include "ctgpt/data/language_table.hpp"

namespace ctgpt::inline CTGPT_ABI::data {{

// clang-format off"""


def main():
    lingua, udhr, stopwords = (pathlib.Path(folder) for folder in sys.argv[1:4])
    random = np.random.default_rng(1)
    for script in SCRIPTS:
        texts = training(script, lingua, udhr, stopwords, random)
        order = random.permutation(len(texts))
        held = [texts[i] for i in order[:len(texts) // 10]]
        weights, biases = train(script, [texts[i] for i in order[len(texts) // 10:]], random)
        scale = float(weights.std()) * 3.0 / 7
        steps = np.clip(np.round(weights / scale), -7, 7).astype(int)
        rounded = (steps * scale).astype(np.float32)
        factor = temperature(script, rounded, biases, held)
        print(f"{script}: z times {factor:.2f}")
        if len(sys.argv) > 4:
            accuracy(script, rounded, biases, sys.argv[4])
        nibbles = (steps + 7).reshape(-1).tolist()
        nibbles += [7] * (-len(nibbles) % 3)
        digits = ""
        for a, b, c in zip(nibbles[::3], nibbles[1::3], nibbles[2::3]):
            bits = a << 8 | b << 4 | c
            digits += DIGITS[bits >> 6] + DIGITS[bits & 63]
        codes = SCRIPTS[script][0].split() + ["und"]
        names = ", ".join(f'"{code}"' for code in codes)
        numbers = ", ".join(f"{factor * bias:.4f}f" for bias in biases)
        out = [HEAD.format(script=script.capitalize())]
        out.append(wrapped(f"inline constexpr std::string_view {script}_codes[] = {{{names}}};"))
        out.append(wrapped(f"inline constexpr float {script}_biases[] = {{{numbers}}};"))
        out.append(f"inline constexpr language_table {script}_languages{{\n    {script}_codes, "
                   f"{script}_biases, {factor * scale:.6f}f, {SCRIPTS[script][2]},")
        out += [f'    "{digits[i:i + 94]}"' for i in range(0, len(digits), 94)]
        out[-1] += "};"
        out.append("// clang-format on\n\n}  // namespace ctgpt::inline CTGPT_ABI::data\n")
        target = pathlib.Path(__file__).parents[2] / f"include/ctgpt/data/language_{script}.hpp"
        target.write_text("\n".join(out))
        print(target.name, len("\n".join(out).splitlines()), "lines")


def wrapped(line):
    lines, current = [], ""
    for word in line.split(" "):
        if len(current) + 1 + len(word) > 100:
            lines.append(current)
            current = "   "
        current += (" " if current else "") + word
    return "\n".join(lines + [current])


main()
