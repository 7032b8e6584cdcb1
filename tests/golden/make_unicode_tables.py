#!/usr/bin/env python3
"""Writes include/ctgpt/text/unicode_tables.hpp from Unicode's own files.

Usage: make_unicode_tables.py [FOLDER]     default /usr/share/unicode, of Debian's unicode-data
It prints the version of Unicode and how many characters each class has.
"""
import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode")
target = pathlib.Path(__file__).parents[2] / "include/ctgpt/text/unicode_tables.hpp"
properties = (folder / "PropList.txt").read_text()
version = re.search(r"PropList-([0-9.]+)\.txt", properties).group(1)

OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE = range(7)
names = ["other", "upper", "lower", "letter", "mark", "number", "space"]
by_category = {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER, "Lm": LETTER, "Lo": LETTER}
by_category |= {"Mn": MARK, "Mc": MARK, "Me": MARK, "Nd": NUMBER, "Nl": NUMBER, "No": NUMBER}

classes = [OTHER] * 0x110000
first = None
for line in (folder / "UnicodeData.txt").read_text().splitlines():
    code, name, category = line.split(";")[:3]
    code = int(code, 16)
    if name.endswith(", First>"):
        first = code
        continue
    for each in range(first if name.endswith(", Last>") else code, code + 1):
        classes[each] = by_category.get(category, OTHER)
for start, end in re.findall(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; White_Space", properties, re.M):
    for each in range(int(start, 16), int(end or start, 16) + 1):
        classes[each] = SPACE

runs = [(code, kind) for code, kind in enumerate(classes) if code == 0 or classes[code - 1] != kind]
words = [f"0x{code << 3 | kind:X}," for code, kind in runs]
lines, line = [], "   "
for word in words:
    if len(line) + 1 + len(word) > 100:
        lines.append(line)
        line = "   "
    line += " " + word
lines.append(line)
target.write_text(f"""// Unicode {version}: the general class of every character, as runs.
//
// Made by tests/golden/make_unicode_tables.py from UnicodeData.txt and PropList.txt; not to be
// edited. An entry is first << 3 | class: from the character `first` on, up to the next entry.
// Classes: {", ".join(f"{i} {name}" for i, name in enumerate(names))}
// (upper: Lu, Lt; lower: Ll; letter: Lm, Lo; mark: M; number: N; space: White_Space).
// Reference: The Unicode Standard, chapter 4; Unicode Character Database.
#pragma once

#include <cstdint>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::text {{

inline constexpr std::string_view unicode_version = "{version}";

// clang-format off
inline constexpr std::uint32_t unicode_runs[] = {{
{chr(10).join(lines)}
}};
// clang-format on

}}  // namespace ctgpt::inline CTGPT_ABI::text
""")
print(f"Unicode {version}, {len(runs)} runs")
for kind, name in enumerate(names):
    print(f"  {name:8} {classes.count(kind):9,}")
