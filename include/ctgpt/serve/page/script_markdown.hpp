// Script of the chat page: Markdown becomes elements, block by block, never by way of markup.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_script_markdown = R"js(
// A text is cut into blocks; while it streams, only blocks that changed are made anew.
function blocksOf(text) {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const blocks = [];
  const indent = (line) => line.match(/^ */)[0].length;
  const item = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
  const row = (line) => line !== undefined && line.includes('|');
  const rule = (line) => line !== undefined &&
    /^ *\|?( *:?-+:? *\|)+( *:?-+:? *)?\|? *$/.test(line);
  const fence = (line) => line.match(/^ {0,3}(`{3,}|~{3,}) *([^`\s]*)[^`]*$/);
  const starts = (i) => fence(lines[i]) || /^ {0,3}#{1,6} /.test(lines[i]) || item.test(lines[i]) ||
    /^ {0,3}>/.test(lines[i]) || /^ {0,3}([-*_])( *\1){2,} *$/.test(lines[i]) ||
    (row(lines[i]) && rule(lines[i + 1]));
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    const begin = i;
    let found;
    if (!line.trim()) { ++i; continue; }
    if ((found = fence(line))) {
      const close = new RegExp('^ {0,3}' + found[1][0].replace('`',
        '\\x60') + '{' + found[1].length + ',} *$');
      for (++i; i < lines.length && !close.test(lines[i]);) ++i;
      blocks.push({ kind: 'code', language: found[2], lines: lines.slice(begin + 1, i),
        open: i >= lines.length });
      ++i;
    } else if ((found = line.match(/^ {0,3}(#{1,6}) +(.*?)(?: +#+)? *$/))) {
      blocks.push({ kind: 'heading', level: found[1].length, text: found[2] });
      ++i;
    } else if (/^ {0,3}([-*_])( *\1){2,} *$/.test(line)) {
      blocks.push({ kind: 'rule' });
      ++i;
    } else if (row(line) && rule(lines[i + 1])) {
      for (i += 2; i < lines.length && row(lines[i]) && lines[i].trim();) ++i;
      blocks.push({ kind: 'table', head: line, rule: lines[begin + 1],
        rows: lines.slice(begin + 2, i) });
    } else if (/^ {0,3}>/.test(line)) {
      while (i < lines.length && /^ {0,3}>/.test(lines[i])) ++i;
      blocks.push({ kind: 'quote', text: lines.slice(begin, i).map((each) =>
        each.replace(/^ {0,3}> ?/, '')).join('\n') });
    } else if ((found = line.match(item))) {
      const outer = found[1].length;
      const numbered = /\d/.test(found[2]);
      const items = [];
      for (; i < lines.length; ++i) {
        const at = lines[i].match(item);
        if (at && at[1].length <= outer + 1 && at[1].length >= outer - 1) {
          if (/\d/.test(at[2]) !== numbered) break;
          items.push([lines[i].slice(at[0].length)]);
        } else if (indent(lines[i]) > outer && lines[i].trim()) {
          items[items.length - 1].push(lines[i].slice(Math.min(indent(lines[i]),
            outer + 2 + (numbered ? 1 : 0))));
        } else if (!lines[i].trim() && i + 1 < lines.length &&
                   (item.test(lines[i + 1]) || indent(lines[i + 1]) > outer)) {
          items[items.length - 1].push('');
        } else if (!lines[i].trim() || starts(i)) {
          break;
        } else {
          items[items.length - 1].push(lines[i]);
        }
      }
      const first = numbered ? Number(found[2].slice(0, -1)) : 1;
      blocks.push({ kind: 'list', numbered, first, items: items.map((each) =>
        each.join('\n').replace(/\n+$/, '')) });
    } else {
      for (++i; i < lines.length && lines[i].trim() && !starts(i);) ++i;
      blocks.push({ kind: 'paragraph', text: lines.slice(begin, i).join('\n') });
    }
  }
  return blocks;
}

// Emphasis, code, links; a link leads to http or https, and to nothing else.
const marks = new RegExp([
  /\\([!-\/:-@[-\x60{-~])/,                                      // 1: an escaped sign
  /(\x60+)([^\x60]|[^\x60][\s\S]*?[^\x60])\2(?!\x60)/,           // 2, 3: code
  /!?\[([^\]\n]*)\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)/,     // 4, 5: a link
  /(\*\*|__)(?=\S)([\s\S]*?\S)\6/,                               // 6, 7: strong
  /(?<![\w*])(\*|_)(?=[^\s*_])([\s\S]*?[^\s*_])\8(?![\w*])/,     // 8, 9: emphasis
  /~~(?=\S)([\s\S]*?\S)~~/,                                      // 10: struck out
  /<?(https?:\/\/[^\s<>()]+(?:\([^\s<>()]*\)[^\s<>()]*)*)>?/,    // 11: an address
].map((each) => each.source).join('|'), 'g');
function inline(into, text, depth = 0) {
  let at = 0;
  const put = (plain) => {
    plain.split('\n').forEach((line, i) => {
      if (i > 0) into.append(document.createElement('br'));
      if (line) into.append(line);
    });
  };
  const nest = (tag, inner) => {
    const made = document.createElement(tag);
    if (depth < 6) inline(made, inner, depth + 1); else made.textContent = inner;
    into.append(made);
  };
  for (const found of text.matchAll(marks)) {
    if (found.index < at) continue;
    put(text.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[1] !== undefined) put(found[1]);
    else if (found[2] !== undefined) into.append(el('code',
      { text: found[3].replace(/^ (.*[^ ].*) $/, '$1') }));
    else if (found[5] !== undefined) link(into, found[4], found[5], found[0], depth);
    else if (found[6] !== undefined) nest('strong', found[7]);
    else if (found[8] !== undefined) nest('em', found[9]);
    else if (found[10] !== undefined) nest('del', found[10]);
    else {
      const tail = found[11].match(/[.,;:!?'"]+$/)?.[0] ?? '';
      const address = found[11].slice(0, found[11].length - tail.length);
      link(into, address, address, address, 6);
      put(tail);
    }
  }
  put(text.slice(at));
}
function link(into, shown, address, source, depth) {
  let target = null;
  try { target = new URL(address); } catch { /* no address */ }
  if (!target || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
    into.append(source);
    return;
  }
  const made = el('a', { href: target.href, rel: 'noopener noreferrer nofollow',
    target: '_blank' });
  if (depth < 6) inline(made, shown || address, 6); else made.textContent = shown;
  into.append(made);
}

function cellsOf(line) {
  const cells = line.trim().replace(/^\|/, '').replace(/\|$/, '').split(/(?<!\\)\|/);
  return cells.map((each) => each.trim().replace(/\\\|/g, '|'));
}
function tableOf(block) {
  const sides = cellsOf(block.rule).map((each) =>
    each.endsWith(':') ? (each.startsWith(':') ? 'center' : 'right') : null);
  const rowOf = (line, tag) => {
    const cells = cellsOf(line);
    return el('tr', {}, ...sides.map((side, i) => {
      const cell = el(tag, { class: side });
      inline(cell, cells[i] ?? '');
      return cell;
    }));
  };
  return el('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': 'Table' },
    el('table', {}, el('thead', {}, rowOf(block.head, 'th')),
      el('tbody', {}, ...block.rows.map((line) => rowOf(line, 'td')))));
}
function codeOf(block) {
  const text = block.lines.join('\n');
  const button = el('button', { type: 'button', on: { click: () => copy(text, button) } },
    icon('copy'), 'Copy');
  return el('div', { class: 'code' },
    el('div', { class: 'code-top' }, el('span', { text: block.language || 'code' }), button),
    el('pre', { tabindex: '0' }, el('code', { text })));
}
function elementOf(block, depth) {
  let made;
  switch (block.kind) {
    case 'code': return codeOf(block);
    case 'rule': return el('hr');
    case 'table': return tableOf(block);
    case 'heading':
      made = el('h' + Math.min(block.level, 4));
      inline(made, block.text);
      return made;
    case 'quote':
      made = el('blockquote');
      markdown(made, block.text, depth + 1);
      return made;
    case 'list':
      made = el(block.numbered ? 'ol' : 'ul', { start: block.first !== 1 ? block.first : null });
      for (const each of block.items) {
        const li = el('li');
        const inner = blocksOf(each);
        if (inner.length && inner[0].kind === 'paragraph') inline(li, inner.shift().text);
        for (const more of inner) li.append(depth < 8 ? elementOf(more, depth + 1) : each);
        made.append(li);
      }
      return made;
    default:
      made = el('p');
      inline(made, block.text);
      return made;
  }
}
const sources = new WeakMap();
function markdown(into, text, depth = 0) {
  if (depth > 8) { into.textContent = text; return; }
  const blocks = blocksOf(text);
  blocks.forEach((block, i) => {
    const source = JSON.stringify(block);
    const there = into.children[i];
    if (there && sources.get(there) === source) return;
    const made = elementOf(block, depth);
    sources.set(made, source);
    if (there) there.replaceWith(made); else into.append(made);
  });
  while (into.children.length > blocks.length) into.lastElementChild.remove();
}
)js";

}  // namespace ctgpt::inline CTGPT_ABI::serve
