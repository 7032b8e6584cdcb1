// Script of the chat page: the list of conversations, its search, renaming and deleting.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_script_history = R"js(
const history = { lines: [], more: false, search: '' };
let historyCalls = 0;
async function loadHistory(further = false) {
  const call = ++historyCalls;
  const offset = further ? history.lines.length : 0;
  const query = 'api/conversations?offset=' + offset +
    '&search=' + encodeURIComponent(history.search);
  try {
    const found = await ask('GET', query);
    if (call !== historyCalls) return;  // a newer search is under way
    history.lines = further ? history.lines.concat(found.conversations) : found.conversations;
    history.more = found.more;
    showHistory();
  } catch (problem) {
    $('history').replaceChildren(el('p', { class: 'nothing', text: problem.message }));
  }
}
function dayOf(time) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const day = 86400000;
  if (time >= midnight) return 'Today';
  if (time >= midnight - day) return 'Yesterday';
  if (time >= midnight - 7 * day) return 'Last seven days';
  return new Date(time).toLocaleDateString(undefined, { month: 'long', year: 'numeric' });
}
function showHistory() {
  const groups = [];
  for (const line of history.lines) {
    const day = history.search ? 'Found' : dayOf(line.updated);
    if (groups[groups.length - 1]?.day !== day) groups.push({ day, lines: [] });
    groups[groups.length - 1].lines.push(line);
  }
  $('history').replaceChildren(
    ...groups.flatMap(({ day, lines }) => [el('h2', { text: day }), el('ul', {},
      ...lines.map(talkLine))]),
    ...(groups.length ? [] : [el('p', { class: 'nothing', text: history.search
      ? 'Nothing found for “' + history.search + '”.'
        : 'Your conversations will be kept here.' })]),
    ...(history.more ? [el('button', { type: 'button', class: 'row-button', text: 'Show more',
      on: { click: () => loadHistory(true) } })] : []));
}
function talkLine(line) {
  const here = state.talk?.id === line.id;
  const open = el('button', { type: 'button', class: 'open', 'aria-current': here ? 'true' : null,
    on: { click: () => { openTalk(line.id); drawer(false); } } },
    el('span', { class: 'name', text: line.title || 'Untitled' }),
    line.snippet ? el('span', { class: 'snippet', text: line.snippet.replace(/\s+/g, ' ') })
      : null);
  const made = el('li', { class: here ? 'talk here' : 'talk' }, open, el('div', { class: 'tools' },
    iconButton('edit', 'Rename “' + line.title + '”', () => renameTalk(line, made)),
    iconButton('trash', 'Delete “' + line.title + '”', () => deleteTalk(line))));
  return made;
}
function renameTalk(line, made) {
  const input = el('input', { type: 'text', value: line.title, maxlength: '100',
    'aria-label': 'New title' });
  let over = false;
  const done = async (keep) => {
    if (over) return;
    over = true;
    const title = input.value.trim();
    if (keep && title && title !== line.title) {
      try {
        await ask('PATCH', 'api/conversations/' + line.id, { title });
        line.title = title;
        if (state.talk?.id === line.id) { state.talk.title = title; render(); }
      } catch (problem) { fail(problem); }
    }
    showHistory();
  };
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') done(true);
    if (event.key === 'Escape') { event.stopPropagation(); done(false); }
  });
  input.addEventListener('blur', () => done(true));
  made.replaceChildren(input);
  input.select();
}
async function deleteTalk(line) {
  if (!await confirmed('Delete this conversation?',
    '“' + line.title + '” and its ratings are removed from the server for good.',
    'Delete')) return;
  try {
    if (state.talk?.id === line.id) newTalk();
    await ask('DELETE', 'api/conversations/' + line.id);
    await loadHistory();
    note('Deleted.');
  } catch (problem) { fail(problem); }
}

// The list as a drawer, on a phone.
function drawer(open) {
  document.body.classList.toggle('drawer', open);
  $('open-sidebar').setAttribute('aria-expanded', String(open));
  if (open) $('close-sidebar').focus();
}
)js";

}  // namespace ctgpt::inline CTGPT_ABI::serve
