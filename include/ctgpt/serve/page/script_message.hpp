// Script of the chat page: a message, its buttons, its rating, its tokens.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_script_message = R"js(
// The tree of messages: an edited question and an answer made anew are siblings.
const childrenOf = (parent) =>
  [...state.messages.values()].filter((each) => each.parent === parent);
function branch() {
  const path = [];
  for (let id = state.talk?.leaf; id &&
    state.messages.has(id); id = state.messages.get(id).parent) {
    path.unshift(state.messages.get(id));
  }
  return path;
}
function showSibling(message, step) {
  const all = childrenOf(message.parent);
  let leaf = all[all.indexOf(message) + step];
  if (!leaf) return;
  for (let below; (below = childrenOf(leaf.id)).length > 0;) leaf = below[below.length - 1];
  state.talk.leaf = leaf.id;
  render();
  ask('PATCH', 'api/conversations/' + state.talk.id, { leaf: leaf.id }).catch(fail);
}
function branchesOf(message) {
  const all = childrenOf(message.parent);
  if (all.length < 2) return null;
  const place = all.indexOf(message);
  const what = message.role === 'user' ? 'question' : 'answer';
  return el('div', { class: 'branches', role: 'group', 'aria-label': 'Versions' },
    iconButton('left', 'Previous ' + what, () => showSibling(message, -1),
      { disabled: place === 0 }),
    el('span', { text: (place + 1) + ' / ' + all.length }),
    iconButton('right', 'Next ' + what, () => showSibling(message, 1),
      { disabled: place + 1 === all.length }));
}

function questionOf(message) {
  const text = el('div', { class: 'text', text: message.content });
  const versions = branchesOf(message);
  const actions = el('div', { class: 'actions' + (versions ? ' branched' : '') },
    iconButton('edit', 'Edit the question', () => edit(message, card)),
    iconButton('copy', 'Copy the question', (event) => copy(message.content, event.currentTarget)),
    versions);
  const card = el('li', { class: 'message user' },
    el('span', { class: 'hush', text: 'You asked:' }), text, actions);
  return card;
}

function edit(message, card) {
  if (state.running) return;
  const area = el('textarea', { 'aria-label': 'Edit your question', rows: '3',
    value: message.content });
  const done = () => {
    if (!area.value.trim()) return;
    answerTo({ content: area.value.trim(), parent: message.parent });
  };
  const back = () => { cards.delete(message.id); render(); $('prompt').focus(); };
  area.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      done();
    }
    if (event.key === 'Escape') { event.stopPropagation(); back(); }
  });
  cards.delete(message.id);
  card.replaceChildren(el('div', { class: 'edit' }, area, el('div', { class: 'buttons' },
    el('button', { type: 'button', class: 'button', text: 'Cancel', on: { click: back } }),
    el('button', { type: 'button', class: 'button main', text: 'Send', on: { click: done } }))));
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

const endings = {
  length: 'The answer reached its longest length.',
  cancelled: 'You stopped this answer.',
  content_filter: 'A rule of this server ended this answer.',
  failed: 'The model failed before the answer was complete.',
};
function answerOf(message) {
  const text = el('div', { class: 'text' });
  markdown(text, message.content);
  const card = el('li', { class: 'message assistant' },
    el('span', { class: 'hush', text: 'The model answered:' }), text);
  const ending = endings[message.details.ending];
  if (ending) card.append(el('p', { class: 'ending', text: ending }));
  const rated = message.rating?.value ?? 0;
  const thumb = (name, label, value) => iconButton(name, label, () => {
    if (message.rating?.value === value) rate(message, { value: 0 });
    else { rate(message, { ...message.rating, value, reason: '' }); ratingPanel(message, card,
      value); }
  }, { 'aria-pressed': String(rated === value) });
  card.append(el('div', { class: 'actions' },
    iconButton('copy', 'Copy the answer', (event) => copy(message.content, event.currentTarget)),
    thumb('good', 'Good answer', 1), thumb('bad', 'Bad answer', -1),
    iconButton('again', 'Answer again', () => answerTo({ parent: message.parent })),
    iconButton('tokens', 'Show likeliest tokens', (event) => toggleTokens(message, card,
      event.currentTarget),
      { 'aria-pressed': 'false' }),
    branchesOf(message)));
  return card;
}

async function rate(message, given) {
  const { value, reason = '', comment = '', answer = '' } = given;
  message.rating = { value, reason, comment, answer };
  const card = cards.get(message.id)?.card;
  for (const button of card?.querySelectorAll('.actions [aria-pressed]') ?? []) {
    const means = { 'Good answer': 1, 'Bad answer': -1 }[button.getAttribute('aria-label')];
    if (means) button.setAttribute('aria-pressed', String(means === value));
  }
  if (value === 0) card?.querySelector('.panel')?.remove();
  try {
    await ask('POST', 'api/messages/' + message.id + '/rating', message.rating);
  } catch (problem) { fail(problem); }
}
function ratingPanel(message, card, value) {
  card.querySelector('.panel')?.remove();
  const reasons = value > 0 ? ['Correct', 'Clear', 'Helpful', 'Creative']
    : ['Wrong', 'Not what I asked', 'Too long', 'Too short', 'Repeats itself', 'Harmful'];
  let reason = message.rating.reason;
  const chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'Reason' },
    ...reasons.map((each) => el('button', { type: 'button', text: each,
      'aria-pressed': String(reason === each), on: { click: (event) => {
        reason = reason === each ? '' : each;
        for (const chip of chips.children) {
          chip.setAttribute('aria-pressed', String(chip === event.currentTarget && reason !== ''));
        }
      } } })));
  const comment = el('textarea', { rows: '2', value: message.rating.comment ?? '',
    maxlength: '5000' });
  const better = el('textarea', { rows: '3', value: message.rating.answer ?? '',
    maxlength: '20000' });
  const panel = el('div', { class: 'panel' },
    el('h3', { text: value > 0 ? 'What was good?' : 'What went wrong?' }), chips,
    el('label', { class: 'field' }, 'Comment', comment),
    el('label', { class: 'field' }, 'A better answer, if you know one', better),
    el('div', { class: 'buttons' },
      el('button', { type: 'button', class: 'button', text: 'Close', on: { click: () =>
        panel.remove() } }),
      el('button', { type: 'button', class: 'button main', text: 'Send', on: { click: async () => {
        await rate(message, { value, reason, comment: comment.value, answer: better.value });
        panel.remove();
        note('Thank you.');
      } } })));
  card.append(panel);
  panel.scrollIntoView({ block: 'nearest' });
}

// The answer as the model saw it: a click on a token shows what else could have stood there.
async function toggleTokens(message, card, button) {
  const text = card.querySelector('.text');
  const on = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(on));
  hideChances();
  if (!on) {
    text.className = 'text';
    text.replaceChildren();
    markdown(text, message.content);
    return;
  }
  try {
    message.tokens ??= (await ask('GET',
      'api/conversations/' + state.talk.id + '/tokens/' + message.id)).tokens;
  } catch (problem) {
    button.setAttribute('aria-pressed', 'false');
    return fail(problem);
  }
  text.className = 'text tokens';
  text.replaceChildren(
    el('p', { class: 'tokens-hint',
      text: 'Each token by how likely it was. Choose one to see others.' }),
    ...message.tokens.map((token) => {
      const p = token.probability;
      const sure = p < 0.1 ? 'sure0' : p < 0.5 ? 'sure1' : p < 0.9 ? 'sure2' : 'sure3';
      return el('button', { type: 'button', class: sure, text: token.text,
        'aria-haspopup': 'dialog',
        on: { click: (event) => showChances(event.currentTarget, token) } });
    }));
}
const visible = (text) => text.replace(/ /g, '·').replace(/\n/g, '⏎').replace(/\t/g, '⇥');
function showChances(at, token) {
  hideChances();
  at.setAttribute('aria-expanded', 'true');
  const box = $('chances');
  const percent = (p) => (100 * p < 0.1 ? '< 0.1' : (100 * p).toFixed(1)) + ' %';
  const rows = token.likeliest.some((each) => each.text === token.text)
    ? token.likeliest : [...token.likeliest, token];
  box.replaceChildren(el('h3', { text: 'Likeliest here' }), el('ol', {}, ...rows.map((each) =>
    el('li', { class: each.text === token.text ? 'chosen' : null },
      el('code', { text: visible(each.text) }), el('span', { text: percent(each.probability) }),
      el('progress', { max: '1', value: String(each.probability), 'aria-hidden': 'true' })))));
  box.hidden = false;
  const place = at.getBoundingClientRect();
  const below = place.bottom + 8 + box.offsetHeight < innerHeight;
  box.style.left = Math.max(8, Math.min(place.left, innerWidth - box.offsetWidth - 8)) + 'px';
  box.style.top = Math.max(8, below ? place.bottom + 8 : place.top - 8 - box.offsetHeight) + 'px';
  announce(rows.map((each) => each.text + ' ' + percent(each.probability)).join(', '));
}
function hideChances() {
  $('chances').hidden = true;
  document.querySelector('.tokens [aria-expanded]')?.removeAttribute('aria-expanded');
}

// The conversation on the screen. Cards that still say the same are kept.
const cards = new Map();
function render() {
  hideChances();
  const path = branch();
  const shown = [];
  for (const message of path) {
    const all = childrenOf(message.parent);
    const key = all.indexOf(message) + '/' + all.length;
    let kept = cards.get(message.id);
    if (!kept || kept.key !== key) {
      kept = { key, card: message.role === 'user' ? questionOf(message) : answerOf(message) };
      cards.set(message.id, kept);
    }
    if (message.details.dropped > 0) shown.push(droppedNote(message.details.dropped));
    shown.push(kept.card);
  }
  const last = path[path.length - 1];
  if (state.running) {
    if (state.running.dropped > 0) shown.push(droppedNote(state.running.dropped));
    if (state.running.question) shown.push(state.running.question);
    shown.push(state.running.card);
  } else if (state.failed) {
    if (state.failed.content) shown.push(askedCard(state.failed.content));
    shown.push(problemCard(state.failed));
  } else if (last?.role === 'user') {
    shown.push(problemCard({ sentence: 'This question has no answer yet.', label: 'Answer it',
      retry: () => answerTo({ parent: last.id }) }));
  }
  const list = $('messages');
  list.replaceChildren(...shown);
  $('welcome').hidden = shown.length > 0;
  list.hidden = shown.length === 0;
  $('to-end').hidden = atEnd();
  $('title').textContent = state.talk?.title || 'New chat';
  document.title = (state.talk?.title ? state.talk.title + ' · ' : '') + 'ctgpt';
  for (const button of list.querySelectorAll('.actions button[aria-label="Answer again"]')) {
    button.disabled = Boolean(state.running);
  }
}
const askedCard = (content) => el('li', { class: 'message user' },
  el('div', { class: 'text', text: content }));
const droppedNote = (count) => el('li', { class: 'dropped',
  text: 'For the answer below, the oldest ' +
  (count === 1 ? 'message was' : count + ' messages were') + ' too much to read and left out.' });
const problemCard = (what) => el('li', { class: 'message assistant' },
  el('div', { class: 'problem', role: 'alert' }, el('span', { text: what.sentence }),
    what.retry ? el('button', { type: 'button', class: 'button', id: 'retry',
      text: what.label ?? 'Try again', on: { click: what.retry } }) : null));
)js";

}  // namespace ctgpt::inline CTGPT_ABI::serve
