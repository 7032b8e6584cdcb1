// Script of the chat page: questions are asked, answers arrive, keys do things; the start.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_script_chat = R"js(
function fail(problem) {
  if (problem.name === 'AbortError') return;
  note(problem.message);
}
const scroll = $('scroll');
const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 90;
function toEnd() { scroll.scrollTop = scroll.scrollHeight; }

function setTalk(talk) {
  state.talk = talk;
  state.messages = new Map((talk?.messages ?? []).map((each) => [each.id, each]));
  state.failed = null;
  cards.clear();
}
function newTalk() {
  if (state.running) stopAnswer();
  setTalk(null);
  location.hash = '';
  render();
  showHistory();
  $('prompt').focus();
}
async function openTalk(id) {
  if (state.running) stopAnswer();
  try {
    const talk = await ask('GET', 'api/conversations/' + encodeURIComponent(id));
    setTalk(talk);
    location.hash = talk.id;
    render();
    showHistory();
    toEnd();
  } catch (problem) {
    fail(problem);
    if (problem.status === 404) newTalk();
  }
}

// Events of a stream, whatever pieces its bytes come in.
async function* eventsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    text += done ? decoder.decode() : decoder.decode(value, { stream: true });
    let found;
    while ((found = text.match(/\r\n\r\n|\n\n|\r\r/))) {
      const data = text.slice(0, found.index).split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(line[5] === ' ' ? 6 : 5)).join('\n');
      text = text.slice(found.index + found[0].length);
      if (data.startsWith('[DONE]')) return;
      if (data) yield JSON.parse(data);
    }
    if (done) throw new Refused(0, 'The connection ended before the answer was complete.', 0);
  }
}

function composing() {
  const running = Boolean(state.running);
  $('send').hidden = running;
  $('stop').hidden = !running;
  $('send').disabled = !$('prompt').value.trim();
}
function grow() {
  const prompt = $('prompt');
  prompt.style.height = 'auto';
  prompt.style.height = prompt.scrollHeight + 'px';
  composing();
}

// Asks: {content, parent} a new question, {parent} an answer anew.
async function answerTo(wanted, tries = 0) {
  if (state.running) return;
  const path = branch();
  const cut = path.findIndex((each) => each.parent === wanted.parent &&
    wanted.content !== undefined);
  const text = el('div', { class: 'text' },
    el('span', { class: 'waiting', role: 'img', 'aria-label': 'Waiting for the answer' },
      el('i'), el('i'), el('i')));
  const run = {
    id: null, text: '', dropped: 0, abort: new AbortController(), stopped: false,
    card: el('li', { class: 'message assistant fresh' }, text),
    question: wanted.content === undefined ? null
      : el('li', { class: 'message user fresh' },
        el('div', { class: 'text', text: wanted.content })),
  };
  state.failed = null;
  state.running = run;
  // What is below the question's place is of another branch.
  const leaf = state.talk?.leaf;
  if (state.talk) state.talk.leaf = wanted.parent || '';
  else if (cut >= 0) setTalk(null);
  render();
  composing();
  toEnd();
  let drawn = true;
  const draw = () => {
    drawn = true;
    if (state.running !== run) return;
    const follow = atEnd();
    markdown(text, run.text);
    // The caret stands behind the last letter, also of a list or a quote.
    text.querySelector('.caret')?.classList.remove('caret');
    let last = text;
    while (last.lastElementChild &&
      /^(P|UL|OL|LI|BLOCKQUOTE|H[1-4])$/.test(last.lastElementChild.tagName)) {
      last = last.lastElementChild;
    }
    last.classList.add('caret');
    if (follow) toEnd();
  };
  try {
    const body = { conversation: state.talk?.id ?? null, parent: wanted.parent || '',
      settings: { max_tokens: 512, ...state.settings } };
    if (wanted.content !== undefined) body.content = wanted.content;
    if (!state.talk) body.system = state.system;
    const answer = await ask('POST', 'api/chat', body, { raw: true, signal: run.abort.signal });
    for await (const event of eventsOf(answer.body)) {
      if (event.error) throw new Refused(500, sentenceOf(event.error.message), 0);
      if (event.run) begin(run, event);
      if (event.text) {
        if (!run.text) text.replaceChildren();
        run.text += event.text;
        if (drawn) { drawn = false; requestAnimationFrame(draw); }
      }
      if (event.answer) finish(run, event.answer);
    }
  } catch (problem) {
    if (state.running !== run) return;
    state.running = null;
    const again = () => { state.failed = null; answerTo(wanted); };
    if (run.id) {
      // The question is stored, and with it what the server knows of the answer.
      await openTalk(run.talk);
      if (!run.stopped) state.failed = { sentence: problem.message, retry: () =>
        answerTo({ parent: run.asked }) };
    } else {
      if (state.talk) state.talk.leaf = leaf;
      if (problem.name === 'AbortError') {
        if (wanted.content !== undefined && !$('prompt').value) $('prompt').value = wanted.content;
      } else if ((problem.status === 429 || problem.status === 503) && tries < 5) {
        return waitAndAsk(wanted, tries, problem);
      } else {
        state.failed = { sentence: problem.message, retry: again, content: wanted.content };
        if (wanted.content !== undefined && problem.status !== 0 && problem.status < 500 &&
            !$('prompt').value) $('prompt').value = wanted.content;
      }
    }
    render();
    grow();
    toEnd();
  }
}
// The question and its place in the log.
function begin(run, event) {
  run.id = event.run;
  run.talk = event.conversation.id;
  run.asked = event.question.id;
  run.dropped = event.dropped;
  const fresh = state.talk === null;
  if (fresh) setTalk({ ...event.conversation, messages: [] });
  state.messages.set(event.question.id, event.question);
  state.talk.leaf = event.question.id;
  run.question = null;
  if (fresh) location.hash = run.talk;
  render();
  toEnd();
  if (fresh) loadHistory();
}
function finish(run, message) {
  if (state.running !== run) return;
  state.running = null;
  const follow = atEnd();
  state.messages.set(message.id, message);
  state.talk.leaf = message.id;
  render();
  composing();
  if (follow) toEnd();
  announce('The model answered: ' + message.content);
  loadHistory();
}
async function stopAnswer() {
  const run = state.running;
  if (!run || run.stopped) return;
  run.stopped = true;
  if (!run.id) { run.abort.abort(); return; }
  try {
    await ask('POST', 'api/runs/' + encodeURIComponent(run.id) + '/stop');
  } catch { run.abort.abort(); }
}
// Busy, says the server: the question waits, and its seconds are counted down.
function waitAndAsk(wanted, tries, problem) {
  let seconds = Math.max(1, Math.ceil(problem.after || 2));
  const now = () => {
    clearInterval(timer);
    if (state.failed !== waiting) return;
    state.failed = null;
    answerTo(wanted, tries + 1);
  };
  const waiting = { sentence: '', label: 'Now', retry: now, content: wanted.content };
  const say = () => {
    waiting.sentence = problem.message + ' Next try in ' + seconds + ' s.';
    const shown = document.querySelector('.problem span');
    if (shown && state.failed === waiting) shown.textContent = waiting.sentence;
  };
  const timer = setInterval(() => {
    if (state.failed !== waiting) { clearInterval(timer); return; }
    --seconds;
    if (seconds <= 0) now(); else say();
  }, 1000);
  state.failed = waiting;
  say();
  render();
  composing();
  toEnd();
}

function send() {
  const content = $('prompt').value.trim();
  if (!content || state.running) return;
  $('prompt').value = '';
  grow();
  answerTo({ content, parent: state.talk?.leaf ?? '' });
}

function keys(event) {
  const control = event.ctrlKey || event.metaKey;
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '');
  const key = event.key.toLowerCase();
  if (document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape') {
    if (!$('chances').hidden) hideChances();
    else if (document.body.classList.contains('drawer')) drawer(false);
    else if (state.running) stopAnswer();
  } else if (control && key === 'k') {
    event.preventDefault();
    drawer(matchMedia('(max-width: 820px)').matches);
    $('search').focus();
    $('search').select();
  } else if (control && event.shiftKey && key === 'o') {
    event.preventDefault();
    newTalk();
  } else if (control && event.shiftKey && key === 'c') {
    const last = branch().reverse().find((each) => each.role === 'assistant');
    if (!last) return;
    event.preventDefault();
    copy(last.content);
    note('Copied.');
  } else if (event.key === '/' && !typing && !control) {
    event.preventDefault();
    $('prompt').focus();
  }
}

async function start() {
  for (const place of document.querySelectorAll('[data-icon]')) {
    place.append(icon(place.dataset.icon));
  }
  showTheme();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showTheme);
  const on = (id, kind, act) => $(id).addEventListener(kind, act);
  on('composer', 'submit', (event) => { event.preventDefault(); send(); });
  on('prompt', 'input', grow);
  on('prompt', 'keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && !$('prompt').value && !state.running) {
      const buttons = document.querySelectorAll('[aria-label="Edit the question"]');
      if (buttons.length) { event.preventDefault(); buttons[buttons.length - 1].click(); }
    }
  });
  on('stop', 'click', stopAnswer);
  on('new-chat', 'click', () => { newTalk(); drawer(false); });
  on('open-sidebar', 'click', () => drawer(true));
  on('close-sidebar', 'click', () => { drawer(false); $('open-sidebar').focus(); });
  on('scrim', 'click', () => drawer(false));
  on('open-settings', 'click', openSettings);
  on('save-settings', 'click', saveSettings);
  on('reset-settings', 'click', () => showSliders({}));
  on('open-about', 'click', openAbout);
  on('model-name', 'click', openAbout);
  on('open-data', 'click', openData);
  on('consent', 'change', setConsent);
  on('export', 'click', exportAll);
  on('erase', 'click', eraseAll);
  on('forget-key', 'click', () => { kept.write('key',
    null); location.hash = ''; location.reload(); });
  on('to-end', 'click', toEnd);
  for (const button of document.querySelectorAll('[data-close]')) {
    button.addEventListener('click', () => button.closest('dialog').close());
  }
  for (const dialog of document.querySelectorAll('dialog')) {
    dialog.addEventListener('click', (event) => {
      if (event.target === dialog && dialog.id !== 'key-dialog') dialog.close();
    });
  }
  let typed = 0;
  on('search', 'input', () => {
    clearTimeout(typed);
    typed = setTimeout(() => { history.search = $('search').value.trim(); loadHistory(); }, 180);
  });
  scroll.addEventListener('scroll', () => {
    hideChances();
    $('top').classList.toggle('lined', scroll.scrollTop > 4);
    $('to-end').hidden = atEnd();
  }, { passive: true });
  document.addEventListener('keydown', keys);
  document.addEventListener('click', (event) => {
    if (!event.target.closest('#chances, .tokens button')) hideChances();
  });
  await meet();
}

// Who is here, and whose model it is; a server that still loads is asked again.
async function meet() {
  for (;;) {
    try {
      state.me = await ask('GET', 'api/me');
      break;
    } catch (problem) {
      $('welcome').hidden = false;
      $('greeting').textContent = 'One moment…';
      $('greeting-more').textContent = problem.message;
      await new Promise((done) => setTimeout(done, 1000 * Math.min(5, problem.after || 2)));
    }
  }
  $('model-name').textContent = state.me.model.name;
  $('greeting').textContent = 'What would you like to know?';
  $('greeting-more').textContent = state.me.model.chat
    ? 'Ask ' + state.me.model.name + ', or begin with one of these.'
    : 'This model continues texts and holds no conversations. Serve one that was ' +
      'fine-tuned to chat.';
  $('starters').replaceChildren(...(state.me.model.chat ? state.me.starters : []).map((text) =>
    el('button', { type: 'button', on: { click: () => answerTo({ content: text, parent: '' }) } },
      text, icon('right'))));
  const id = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(id)) await openTalk(id);
  render();
  grow();
  await loadHistory();
  if (matchMedia('(min-width: 821px)').matches) $('prompt').focus();
}
start();
)js";

}  // namespace ctgpt::inline CTGPT_ABI::serve
