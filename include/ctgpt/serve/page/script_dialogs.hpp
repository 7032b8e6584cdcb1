// Script of the chat page: settings, what is known of the model, a person's data.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_script_dialogs = R"js(
const sliders = [
  { name: 'temperature', label: 'Temperature', least: 0, most: 2, step: 0.05,
    says: 'Low: the likeliest words. High: surprises.' },
  { name: 'top_p', label: 'Top p', least: 0.05, most: 1, step: 0.05,
    says: 'Draws from the likeliest tokens that make up this share.' },
  { name: 'top_k', label: 'Top k', least: 0, most: 200, step: 1,
    says: 'Draws from so many of the likeliest tokens; 0 for all.' },
  { name: 'min_p', label: 'Min p', least: 0, most: 0.5, step: 0.01,
    says: 'Leaves out what is less likely than this share of the likeliest.' },
  { name: 'repetition_penalty', label: 'Repetition penalty', least: 1, most: 2, step: 0.05,
    says: 'Above 1: words that were said come less easily again.' },
  { name: 'max_tokens', label: 'Longest answer', least: 16, most: 1024, step: 16,
    says: 'In tokens.' },
];
const defaultOf = (name) =>
  state.me?.defaults?.[name] ?? { max_tokens: 512, temperature: 1, top_p: 1,
    repetition_penalty: 1 }[name] ?? 0;
function openSettings() {
  $('system').value = state.talk ? state.talk.system : state.system;
  $('system-label').textContent = state.talk ? 'System prompt of this conversation'
    : 'System prompt of new conversations';
  showSliders(state.settings);
  $('settings').showModal();
}
function showSliders(values) {
  $('sliders').replaceChildren(...sliders.map((each) => {
    const most = each.name === 'max_tokens' ? Math.min(each.most,
      state.me?.model?.context ?? each.most)
      : each.most;
    // A default past the slider's end draws from all.
    const given = defaultOf(each.name);
    const value = values[each.name] ??
      (each.name === 'top_k' && given > most ? 0 : Math.min(given, most));
    const shown = el('output', { text: String(+Number(value).toFixed(2)) });
    const input = el('input', { type: 'range', min: String(each.least), max: String(most),
      step: String(each.step), name: each.name, 'aria-label': each.label,
      on: { input: () => {
        shown.textContent = String(+Number(input.value).toFixed(2));
        input.dataset.set = '1';
      } } });
    input.value = String(value);
    if (values[each.name] !== undefined) input.dataset.set = '1';
    return el('label', { class: 'slider' }, el('span', { text: each.label }), shown, input,
      el('small', { text: each.says }));
  }));
}
async function saveSettings() {
  state.settings = {};
  for (const input of $('sliders').querySelectorAll('input')) {
    if (input.dataset.set) state.settings[input.name] = Number(input.value);
  }
  kept.write('settings', state.settings);
  const system = $('system').value.trim();
  $('settings').close();
  try {
    if (!state.talk) {
      state.system = system;
      kept.write('system', system);
    } else if (system !== state.talk.system) {
      await ask('PATCH', 'api/conversations/' + state.talk.id, { system });
      state.talk.system = system;
    }
    note('Saved.');
  } catch (problem) { fail(problem); }
}

function short(number) {
  if (typeof number !== 'number') return String(number);
  for (const [size, letter] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (Math.abs(number) >= size) return +(number / size).toFixed(1) + ' ' + letter;
  }
  return String(+number.toFixed(3));
}
async function openAbout() {
  const body = $('about-body');
  body.replaceChildren(el('p', { class: 'soft', text: 'Loading…' }));
  $('about').showModal();
  let facts;
  try {
    facts = await ask('GET', 'api/about');
  } catch (problem) {
    body.replaceChildren(el('p', { class: 'soft', text: problem.message }));
    return;
  }
  const list = el('dl', { class: 'facts' });
  const fact = (name, value) => {
    if (value !== undefined && value !== null && value !== '') {
      list.append(el('dt', { text: name }), el('dd', { text: String(value) }));
    }
  };
  fact('Model', facts.model);
  fact('Parameters', facts.parameters && short(facts.parameters));
  fact('Size on disk', facts.weight_bytes && short(facts.weight_bytes) + 'B');
  fact('Context', facts.context && facts.context + ' tokens');
  for (const each of facts.facts ?? []) fact(each.name, each.value);
  const scores = (facts.scores ?? []).map((each) => el('li', {}, el('span', { text: each.name }),
    el('span', { text: each.percent !== undefined ? short(each.percent) + ' %'
      : short(each.value) }),
    each.percent !== undefined
      ? el('progress', { max: '100', value: String(each.percent), 'aria-hidden': 'true' }) : null));
  body.replaceChildren(
    ...(facts.summary ? [el('p', { text: facts.summary })] : []), list,
    ...(scores.length ? [el('h3', { text: 'Scores' }), el('ul', { class: 'scores' }, ...scores)]
      : []),
    ...(facts.data?.length ? [el('h3', { text: 'Learned from' }), el('ul', { class: 'limits' },
      ...facts.data.map((text) => el('li', { text })))] : []),
    el('h3', { text: 'Limits' }), el('ul', { class: 'limits' },
      ...(facts.limits ?? ['It makes things up.']).map((text) => el('li', { text }))));
}

function openData() {
  $('whose').textContent = state.me?.person
    ? 'You are “' + state.me.person + 
      '”. Conversations and ratings under this name are yours alone.'
    : 'Your conversations belong to this browser; nobody else sees them.';
  $('consent').checked = Boolean(state.me?.consent);
  $('forget-key').hidden = !state.key;
  $('data').showModal();
}
async function setConsent() {
  const consent = $('consent').checked;
  try {
    await ask('POST', 'api/consent', { consent });
    state.me.consent = consent;
    note(consent ? 'Thank you.' : 'Taken back.');
  } catch (problem) {
    $('consent').checked = !consent;
    fail(problem);
  }
}
async function exportAll() {
  try {
    const answer = await ask('GET', 'api/export', undefined, { raw: true });
    const address = URL.createObjectURL(await answer.blob());
    el('a', { href: address, download: 'conversations.jsonl' }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  } catch (problem) { fail(problem); }
}
async function eraseAll() {
  $('data').close();
  if (!await confirmed('Delete everything?',
    'All your conversations, ratings and your consent are ' +
    'removed from the server for good. Export them first if you want to keep them.',
      'Delete everything')) return;
  try {
    const { conversations } = await ask('DELETE', 'api/data');
    newTalk();
    state.me.consent = false;
    await loadHistory();
    note('Deleted ' + conversations + (conversations === 1 ? ' conversation.' : ' conversations.'));
  } catch (problem) { fail(problem); }
}
)js";

}  // namespace ctgpt::inline CTGPT_ABI::serve
