# Doxygen's view of a header (INPUT_FILTER): the plain // comments become documentation, word for
# word. The opening comment documents the file and the types that it begins with, a comment right
# before a declaration documents it, and one behind a member documents that member. Of a Markdown
# page only the links change.
#
#   awk -v top=REPOSITORY -f filter.awk FILE
#
# The text goes out as HTML of our own in which every letter that Doxygen, Markdown or HTML could
# take for markup is a number (rows<W> is rows&#60;W&#62;). Prose stays prose; what has columns
# or indentation stays preformatted. A line in is a line out, so that line numbers stay true.

BEGIN {
  for (i = 1; i < 128; ++i) code_of[sprintf("%c", i)] = i
  begins = "/// @htmlonly "
  depth = 0  # of open braces; scope[depth] is 1 in a namespace, 2 in a type, 0 elsewhere
  scope[0] = 1
}

FNR == 1 {
  path = FILENAME
  if (index(path, top "/") == 1) path = substr(path, length(top) + 2)
  is_page = path ~ /\.md$/
  opening = !is_page
}

{ sub(/\r$/, "") }
is_page { print page_line($0); next }
{ lines[++count] = $0 }
END {
  for (at = 1; at <= count; ++at) header_line(lines[at])
  drop_comment()
}

# ---- pages --------------------------------------------------------------------------------------

# A page's anchor: include/ctgpt/layer/README.md is page_include_ctgpt_layer_README.
function anchor_of(file) {
  sub(/\.md$/, "", file)
  gsub(/[^A-Za-z0-9]/, "_", file)
  return "page_" file
}

function page_line(line,    out, at, text, target) {
  if (line ~ /^```/) {
    fenced = !fenced
    sub(/^```(text|sh|cmake)$/, "```{.unparsed}", line)
    sub(/^```c\+\+$/, "```{.cpp}", line)
    return line
  }
  if (fenced) return line
  if (!titled && line ~ /^# /) {
    titled = 1
    return line " {#" anchor_of(path) "}"
  }
  if (line ~ /^##+ /) return line " {#" anchor_of(path) "_" heading_anchor(line) "}"
  while (match(line, /\[[^][]*\]\([^()]*\)/)) {
    out = out substr(line, 1, RSTART - 1)
    text = substr(line, RSTART, RLENGTH)
    line = substr(line, RSTART + RLENGTH)
    at = index(text, "](")
    target = substr(text, at + 2, length(text) - at - 2)
    out = out link_to(substr(text, 2, at - 2), target)
  }
  return out line
}

# "## While compiling" and "#while-compiling" are while_compiling.
function heading_anchor(text) {
  gsub(/[#`.,?!:]/, "", text)
  sub(/^ +/, "", text)
  gsub(/[^A-Za-z0-9]/, "_", text)
  return tolower(text)
}

# Links lead to pages and headers of the reference; what is not in it keeps its text alone.
function link_to(text, target,    folder, file) {
  if (target ~ /^(@|[a-z]+:)/) return "[" text "](" target ")"
  if (target ~ /^#/) return "[" text "](@ref " anchor_of(path) "_" heading_anchor(target) ")"
  sub(/#.*/, "", target)
  folder = path
  if (!sub(/\/[^\/]*$/, "/", folder)) folder = ""
  file = folder target
  gsub(/\/\.\//, "/", file)
  while (match(file, /[^\/]+\/\.\.\//)) {
    file = substr(file, 1, RSTART - 1) substr(file, RSTART + RLENGTH)
  }
  if (index(pages, " " file " ")) return "[" text "](@ref " anchor_of(file) ")"
  if (file ~ /\.hpp$/ && file !~ /-inl\.hpp$/) {
    sub(/^include\//, "", file)
    return "[" text "](@ref " file ")"
  }
  return text
}

# ---- headers ------------------------------------------------------------------------------------

function header_line(line,    code, column) {
  if (line ~ /^[ ]*\/\//) {
    column = index(line, "//")
    if (tail_column && column == tail_column) {  # goes on with the comment behind a member
      print spaces(column - 1) "///< @htmlonly " coded(text_of(line)) " @endhtmlonly"
      return
    }
    tail_column = 0
    comment[++comments] = text_of(line)
    indent = column - 1
    return
  }
  tail_column = 0
  if (line ~ /^[ ]*#/ || continued) {  # preprocessor: says nothing about scopes
    if (opening) open_file()
    else drop_comment()
    opening = 0
    continued = line ~ /\\$/
    print line
    return
  }
  if (line ~ /^[ ]*$/) {
    if (opening && comments) open_file()
    else drop_comment()
    opening = 0
    print line
    return
  }
  opening = 0
  gsub(/\[\[[a-z:_, ]*\]\] ?/, "", line)
  gsub(/inline CTGPT_ABI::/, "", line)
  gsub(/::inline CTGPT_ABI/, "", line)
  code = line
  gsub(/\\./, "", code)
  gsub(/"[^"]*"/, "\"\"", code)
  gsub(/'[^']'/, "''", code)
  if (comments) {
    if (statement ~ /^ *$/ && scope[depth] && documentable(code)) {
      said = 1
      document()
    } else {
      drop_comment()
    }
  }
  print opening_of(type_at(at)) tail(line, code)
  said = 0
  sub(/\/\/.*/, "", code)
  follow(code)
}

function documentable(code) {
  return code !~ /^namespace/ && code !~ /^ *(public|private|protected):/ && code !~ /^ *}/ &&
         code !~ /^ *static_assert/ &&
         code !~ /^ *(template )?using [a-z_:]*;/
}

# A comment behind a member, an enumerator or a declaration.
function tail(line, code,    place, before) {
  place = index(code, "//")
  if (!place || !scope[depth] || parens) return line
  before = substr(code, 1, place - 1)
  sub(/ +$/, "", before)
  if (before ~ /^ *}/ || (before !~ /[;,}]$/ && kind[depth] != "enum")) return line
  if (before ~ /^ *(public|private|protected|friend|using|static_assert)/) return line
  if (before ~ /,$/ && kind[depth] != "enum") return line
  place = index(line, "  // ")
  if (!place) return line
  tail_column = place + 2
  return substr(line, 1, place + 1) "///< @htmlonly " coded(text_of(substr(line, place + 2))) \
         " @endhtmlonly"
}

# Follows braces, so that what is said inside functions is left alone.
function follow(code,    i, letter) {
  for (i = 1; i <= length(code); ++i) {
    letter = substr(code, i, 1)
    if (letter == "(") ++parens
    if (letter == ")") --parens
    if (letter == "{") {
      ++depth
      scope[depth] = scope[depth - 1] && !parens ? scope_of(statement) : 0
      statement = ""
    } else if (letter == "}") {
      if (depth > 0) --depth
      statement = ""
    } else if (letter == ";" && !parens) {
      statement = ""
    } else if (letter == "," && kind[depth] == "enum") {
      statement = ""
    } else {
      statement = statement letter
    }
  }
  if (statement !~ /^ *$/) statement = statement " "
}

function scope_of(text,    before) {
  gsub(/(public|private|protected):/, "", text)
  do {  # template <...> and requires(...)
    before = text
    sub(/^ +/, "", text)
    if (text ~ /^template *</) text = after_balanced(text, "<", ">")
    if (text ~ /^requires *\(/) text = after_balanced(text, "(", ")")
  } while (text != before)
  kind[depth] = text ~ /^enum / ? "enum" : "other"
  if (text ~ /^(inline )?namespace/) return 1
  if (text ~ /^(enum|class|struct|union) / && text !~ /[()=]/) return 2
  return 0
}

function after_balanced(text, open, close_letter,    i, level, letter) {
  for (i = index(text, open); i <= length(text); ++i) {
    letter = substr(text, i, 1)
    if (letter == open) ++level
    if (letter == close_letter && --level == 0) return substr(text, i + 1)
  }
  return ""
}

# ---- comments -----------------------------------------------------------------------------------

function text_of(line) {
  sub(/^[ ]*\/\/ ?/, "", line)
  return line
}

function coded(text,    i, out, letter) {
  for (i = 1; i <= length(text); ++i) {
    letter = substr(text, i, 1)
    out = out (letter ~ /[A-Za-z0-9 .,:;()=+-]/ || !(letter in code_of) \
               ? letter : "&#" code_of[letter] ";")
  }
  return out
}

function spaces(count,    out) {
  while (count-- > 0) out = out " "
  return out
}

# Not documentation of anything: goes out as it came.
function drop_comment(    i) {
  for (i = 1; i <= comments; ++i) print spaces(indent) "// " comment[i]
  comments = 0
}

# Columns, indentation or a list: such a comment keeps its lines.
function has_layout(first,    i) {
  for (i = first; i <= comments; ++i) {
    if (comment[i] ~ /^  / || comment[i] ~ /[^.] [ ]+[^ ]/ || comment[i] ~ /^- /) return 1
  }
  return 0
}

function document(    i) {
  for (i = 1; i <= comments; ++i) {
    if (comment[i] ~ /^clang-format|^---- |^-----/) comment[i] = ""
  }
  if (has_layout(1)) {
    print_kept(1, "said", "")
  } else {
    print_prose()
  }
  comments = 0
}

# The first paragraph is the brief description.
function print_prose(    i) {
  for (i = 1; i <= comments; ++i) {
    print spaces(indent) "///" (comment[i] == "" ? "" : (i == 1 ? " @brief" : "") \
          " @htmlonly " with_code(coded(comment[i])) " @endhtmlonly")
  }
}

# `word` in prose.
function with_code(text) {
  while (sub(/&#96;/, "<code>", text)) {
    if (!sub(/&#96;/, "</code>", text)) {
      sub(/<code>/, "\\&#96;", text)
      break
    }
  }
  return text
}

# comment[first] and what follows, lines kept. What Doxygen may put between two lines falls into an
# HTML comment.
function print_kept(first, name, last_command,    i) {
  for (i = first; i <= comments; ++i) {
    print spaces(indent) "/// " (i == first ? "@details @htmlonly <pre class=\"" name "\">" \
                                            : "@htmlonly-->") coded(comment[i]) \
          (i < comments ? "&#10;<!--@endhtmlonly" : "</pre>@endhtmlonly" last_command)
  }
}

# The class or struct that a namespace's declaration begins here.
function type_at(from,    i, text) {
  if (statement !~ /^ *$/ || scope[depth] != 1) return ""
  for (i = from; i < from + 4 && i <= count; ++i) {
    text = lines[i]
    if (text ~ /^(class|struct) [a-z_0-9]+( *[:{]| final|$)/) {
      sub(/^(class|struct) /, "", text)
      sub(/[^a-z_0-9].*/, "", text)
      return text
    }
    if (text !~ /^(template|  +)/ || text ~ /;/) return ""
  }
  return ""
}

# The opening comment once more, on one line, for a type that its first paragraph begins with.
function opening_of(type) {
  if (type == "" || (type in told) || first_part !~ ("(^|[ (])" type "(<|:| and |, )")) return ""
  told[type] = 1
  return "/** " (said ? "@details" : "@brief") " @htmlonly " \
         (said ? "<p>" first_sentence "</p>" : first_sentence) " @endhtmlonly" \
         (opening_rest == "" ? "" : " @details @htmlonly <pre class=\"opening\">" opening_rest \
                                    "</pre> @endhtmlonly") " */ "
}

# The opening comment: the first sentence is the file's brief description, the rest keeps its lines.
function open_file(    i, last) {
  for (last = 1; last < comments && comment[last + 1] != ""; ++last) {
    if (comment[last] ~ /[.:]$/) break
  }
  for (i = 1; i <= comments && comment[i] != ""; ++i) first_part = first_part " " comment[i]
  for (i = 1; i <= last; ++i) {
    first_sentence = first_sentence " " coded(comment[i])
    print "/// " (i == 1 ? "@brief " : "") "@htmlonly " coded(comment[i]) \
          " @endhtmlonly" (i == comments ? " @file" : "")
  }
  while (last < comments && comment[last + 1] == "") {
    print "///"
    ++last
  }
  for (i = last + 1; i <= comments; ++i) {
    opening_rest = opening_rest coded(comment[i]) (i < comments ? "&#10;" : "")
  }
  print_kept(last + 1, "opening", " @file")
  comments = 0
}
