// Script of the chat page: elements, icons, what the page remembers, requests to the server.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_script_state = R"js(
// Elements. Text is only ever set as text: nothing that a person or a model wrote becomes markup.
const $ = (id) => document.getElementById(id);
function el(tag, has = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(has)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') for (const [kind,
      act] of Object.entries(value)) made.addEventListener(kind, act);
    else if (name === 'text') made.textContent = value;
    else if (name === 'value') made.value = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...inside.filter((each) => each !== null && each !== undefined));
  return made;
}

const paths = {
  chat: 'M5 6h14v10h-7l-4 4v-4H5z', plus: 'M12 5v14M5 12h14', close: 'M6 6l12 12M18 6L6 18',
  search: 'M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14zM20 20l-4-4', menu: 'M4 7h16M4 12h16M4 17h10',
  sliders: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
    lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  info: 'M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16zM12 11v5M12 8v.01', down: 'M12 5v14M6 13l6 6l6-6',
  up: 'M12 19V5M6 11l6-6l6 6', stop: 'M6 6h12v12H6z', copy: 'M9 9h10v11H9zM5 15V4h10',
  check: 'M5 12.5l4.5 4.5L19 7.5', edit: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  trash: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13', again: 'M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5',
  good: 'M7 11v9H4v-9zM7 12l4-8c2 0 2.5 1.500 2.200 3L12.700 10H19l-1.500 10H7',
  bad: 'M7 13V4H4v9zM7 12l4 8c2 0 2.500-1.500 2.200-3l-.500-3H19L17.500 4H7',
  tokens: 'M4 7h4v4H4zM11 7h9v4h-9zM4 14h9v4H4zM16 14h4v4h-4z', left: 'M14 6l-6 6l6 6',
  right: 'M10 6l6 6l-6 6', sun: 'M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2' +
    'M5 5l1.400 1.400M17.600 17.600L19 19M19 5l-1.400 1.400M6.400 17.600L5 19',
  moon: 'M20 14.500A8 8 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z',
};
function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}
const iconButton = (name, label, act, more = {}) =>
  el('button', { type: 'button', 'aria-label': label, title: label, on: { click: act }, ...more },
    icon(name));

// What stays in this browser.
const kept = {
  read(name, fallback) {
    try {
      const text = localStorage.getItem('ctgpt.' + name);
      return text === null ? fallback : JSON.parse(text);
    } catch { return fallback; }
  },
  write(name, value) {
    try {
      if (value === null) localStorage.removeItem('ctgpt.' + name);
      else localStorage.setItem('ctgpt.' + name, JSON.stringify(value));
    } catch { /* a browser that keeps nothing still chats */ }
  },
};

const state = {
  me: null,          // who it is, the model, its defaults
  talk: null,        // the conversation on the screen, or null for a new one
  messages: new Map(),
  running: null,     // the answer under way: {run, text, parent, stopped}
  failed: null,      // what went wrong with the last question: {sentence, retry}
  key: kept.read('key', null),
  settings: kept.read('settings', {}),
  system: kept.read('system', ''),
};

// Short words that go by themselves, and what a screen reader is told.
function note(sentence) {
  const made = el('div', { class: 'note', text: sentence });
  $('notes').replaceChildren(made);
  setTimeout(() => made.remove(), 3500);
}
function announce(sentence) { $('live').textContent = sentence; }

class Refused extends Error {
  constructor(status, sentence, after) {
    super(sentence);
    this.status = status;
    this.after = after;
  }
}
const base = location.pathname.endsWith('/') ? location.pathname : location.pathname + '/';

// A request; asks for the key where one is needed. Failures are sentences.
async function ask(method, path, body, options = {}) {
  const headers = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (state.key) headers.Authorization = 'Bearer ' + state.key;
  let answer;
  try {
    answer = await fetch(base + path, {
      method, headers, signal: options.signal, credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (problem) {
    if (problem.name === 'AbortError') throw problem;
    throw new Refused(0, 'The server cannot be reached. Is it still running?', 2);
  }
  if (answer.status === 401) {
    await askKey(Boolean(state.key));
    return ask(method, path, body, options);
  }
  if (!answer.ok) {
    let sentence = 'The server answered with status ' + answer.status + '.';
    try { sentence = sentenceOf((await answer.json()).error.message); } catch { /* no JSON */ }
    const after = Number(answer.headers.get('Retry-After')) || 0;
    throw new Refused(answer.status, sentence, after);
  }
  return options.raw ? answer : answer.json();
}
function sentenceOf(text) {
  const whole = String(text);
  return whole.charAt(0).toUpperCase() + whole.slice(1) + (/[.!?]$/.test(whole) ? '' : '.');
}

let keyAsked = null;  // requests that meet 401 at once wait for one dialog
function askKey(wrong) {
  if (keyAsked) return keyAsked;
  keyAsked = new Promise((done) => {
    $('key-why').textContent = wrong ? 'That key is none of this server. Try another.'
      : 'This server asks who you are. The key stays in this browser.';
    $('key').value = '';
    const dialog = $('key-dialog');
    dialog.oncancel = (event) => event.preventDefault();
    $('key-form').onsubmit = (event) => {
      event.preventDefault();
      state.key = $('key').value.trim();
      kept.write('key', state.key);
      dialog.close();
      keyAsked = null;
      done();
    };
    dialog.showModal();
  });
  return keyAsked;
}

// Yes or no.
function confirmed(title, text, yes) {
  return new Promise((done) => {
    $('confirm-title').textContent = title;
    $('confirm-text').textContent = text;
    $('confirm-yes').textContent = yes;
    const dialog = $('confirm');
    let answer = false;
    $('confirm-yes').onclick = () => { answer = true; dialog.close(); };
    $('confirm-no').onclick = () => dialog.close();
    dialog.onclose = () => done(answer);
    dialog.showModal();
    $('confirm-no').focus();
  });
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // a page that came by plain HTTP from elsewhere has no clipboard
    const area = el('textarea', { value: text, class: 'hush' });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  announce('Copied');
  if (!button) return;
  const svg = button.querySelector('svg');
  svg.replaceWith(icon('check'));
  setTimeout(() => button.querySelector('svg')?.replaceWith(icon('copy')), 1500);
}

function showTheme() {
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const theme = kept.read('theme', null) ?? system;
  document.documentElement.dataset.theme = theme;
  const other = theme === 'dark' ? 'light' : 'dark';
  $('theme').replaceChildren(icon(theme === 'dark' ? 'sun' : 'moon'));
  $('theme').setAttribute('aria-label', 'Use ' + other + ' colours');
  $('theme').title = 'Use ' + other + ' colours';
  $('theme').onclick = () => { kept.write('theme', other); showTheme(); };
}
)js";

}  // namespace ctgpt::inline CTGPT_ABI::serve
