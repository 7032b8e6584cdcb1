// How the parts of the chat page look: messages, their text, tokens, ratings, dialogs.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_style_parts = R"css(
.message { margin: 0 0 26px; }
.message.fresh { animation: arrive .22s ease both; }
@keyframes arrive { from { opacity: 0; transform: translateY(5px); } }
.message.user { display: flex; flex-direction: column; align-items: flex-end; margin-bottom: 6px; }
.message.user .text {
  background: var(--bubble); border-radius: 20px 20px 6px 20px; padding: 10px 16px;
  max-width: min(85%, 620px); white-space: pre-wrap; overflow-wrap: anywhere;
}
.actions {
  display: flex; align-items: center; gap: 1px; margin: 5px 0 0 -8px; color: var(--faint);
  min-height: 32px; flex-wrap: wrap;
}
.message.user .actions { margin: 3px -4px 0 0; opacity: 0; transition: opacity .15s; }
.message.user:hover .actions, .message.user:focus-within .actions,
.message.user .actions.branched { opacity: 1; }
.actions button {
  width: 32px; height: 32px; display: grid; place-items: center; border-radius: 9px; color: inherit;
}
.actions button:hover:not(:disabled) { background: var(--hover); color: var(--ink); }
.actions button[aria-pressed="true"] { color: var(--accent); background: var(--accent-soft); }
.actions svg { width: 16px; height: 16px; }
.branches { display: flex; align-items: center; font-size: 13px; color: var(--soft); }
.branches span { min-width: 2.4em; text-align: center; font-variant-numeric: tabular-nums; }
.ending { font-size: 13.5px; color: var(--soft); margin: 6px 0 0; }
.dropped {
  font-size: 13.5px; color: var(--soft); text-align: center; margin: 0 0 22px; list-style: none;
  display: flex; gap: 12px; align-items: center;
}
.dropped::before, .dropped::after { content: ""; height: 1px; background: var(--line); flex: 1; }
.caret::after {
  content: ""; display: inline-block; width: 8px; height: 1.05em; margin-left: 3px;
  vertical-align: -.18em; border-radius: 2px; background: var(--accent);
  animation: blink 1.1s steps(2, jump-none) infinite;
}
@keyframes blink { to { opacity: .15; } }
.waiting { display: inline-flex; gap: 5px; padding: 10px 0; }
.waiting i {
  width: 7px; height: 7px; border-radius: 50%; background: var(--faint);
  animation: wait 1.2s ease-in-out infinite;
}
.waiting i:nth-child(2) { animation-delay: .15s; }
.waiting i:nth-child(3) { animation-delay: .3s; }
@keyframes wait { 0%, 60%, 100% { opacity: .3; } 30% { opacity: 1; transform: translateY(-3px); } }
.problem {
  display: flex; gap: 12px; align-items: center; background: var(--bad-soft); color: var(--bad);
  border-radius: 14px; padding: 11px 12px 11px 16px; font-size: 15px; line-height: 1.45;
}
.problem span { flex: 1; min-width: 0; overflow-wrap: anywhere; }

.text > :first-child { margin-top: 0; }
.text > :last-child { margin-bottom: 0; }
.text p { margin: 0 0 .85em; overflow-wrap: anywhere; }
.text h1, .text h2, .text h3, .text h4 { line-height: 1.3; margin: 1.3em 0 .5em; font-weight: 650; }
.text h1 { font-size: 1.4em; }
.text h2 { font-size: 1.22em; }
.text h3 { font-size: 1.08em; }
.text h4 { font-size: 1em; }
.text ul, .text ol { margin: 0 0 .85em; padding-left: 1.5em; }
.text li { margin: .25em 0; overflow-wrap: anywhere; }
.text li > ul, .text li > ol { margin-bottom: 0; }
.text li::marker { color: var(--faint); }
.text blockquote {
  margin: 0 0 .85em; padding: 1px 0 1px 16px; border-left: 3px solid var(--line);
  color: var(--soft);
}
.text blockquote > :last-child { margin-bottom: 0; }
.text hr { border: 0; border-top: 1px solid var(--line); margin: 1.4em 0; }
.text a { color: var(--accent); text-underline-offset: 3px; overflow-wrap: anywhere; }
.text code {
  font: .875em/1.5 var(--mono); background: var(--code); padding: .13em .38em; border-radius: 6px;
  border: 1px solid var(--line); overflow-wrap: anywhere;
}
.code {
  margin: 0 0 1em; border: 1px solid var(--line); border-radius: 14px; overflow: hidden;
  background: var(--code);
}
.code-top {
  display: flex; align-items: center; font-size: 12.5px; color: var(--soft);
  padding: 4px 6px 4px 16px; border-bottom: 1px solid var(--line);
}
.code-top button {
  margin-left: auto; padding: 3px 10px; border-radius: 8px; display: flex; gap: 6px;
  align-items: center; color: var(--soft);
}
.code-top button:hover { background: var(--hover); color: var(--ink); }
.code-top svg { width: 14px; height: 14px; }
.code pre { margin: 0; padding: 13px 16px; overflow-x: auto; scrollbar-width: thin; }
.code pre code {
  font: 13.5px/1.6 var(--mono); background: none; border: 0; padding: 0; overflow-wrap: normal;
  white-space: pre;
}
.table { overflow-x: auto; margin: 0 0 1em; border: 1px solid var(--line); border-radius: 12px; }
.table table { border-collapse: collapse; width: 100%; font-size: 15px; }
.table th, .table td {
  text-align: left; padding: 8px 14px; border-bottom: 1px solid var(--line); vertical-align: top;
}
.table th { background: var(--code); font-weight: 600; }
.table tr:last-child td { border-bottom: 0; }
.table .right { text-align: right; }
.table .center { text-align: center; }

.tokens { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2; }
.tokens button {
  border-radius: 3px 3px 0 0; padding: 1px 0; white-space: pre-wrap; text-align: left;
  border-bottom: 2px solid transparent; display: inline;
}
.tokens .sure0 { border-color: var(--bad); background: var(--bad-soft); }
.tokens .sure1 { border-color: color-mix(in srgb, var(--bad) 55%, transparent); }
.tokens .sure2 { border-color: color-mix(in srgb, var(--accent) 35%, transparent); }
.tokens button:hover, .tokens button[aria-expanded="true"] { background: var(--accent-soft); }
.tokens-hint { font-size: 13.5px; color: var(--soft); margin: 0 0 8px; }
#chances {
  position: fixed; z-index: 12; width: 250px; background: var(--card); padding: 12px 14px;
  border: 1px solid var(--line); border-radius: 16px; box-shadow: var(--shadow); margin: 0;
}
#chances h3 { font-size: 13px; font-weight: 600; color: var(--soft); margin: 0 0 8px; }
#chances ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 7px; }
#chances li {
  display: grid; grid-template-columns: 1fr auto; font-size: 14px; gap: 2px 8px;
  font-variant-numeric: tabular-nums;
}
#chances code { font: 13px var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; }
#chances .chosen code { color: var(--accent); font-weight: 700; }
meter, progress { width: 100%; height: 6px; grid-column: 1 / -1; appearance: none; border: 0; }
progress { background: var(--hover); border-radius: 4px; overflow: hidden; }
progress::-webkit-progress-bar { background: var(--hover); border-radius: 4px; }
progress::-webkit-progress-value { background: var(--accent); border-radius: 4px; }
progress::-moz-progress-bar { background: var(--accent); border-radius: 4px; }

.panel {
  border: 1px solid var(--line); background: var(--card); border-radius: 18px; padding: 16px;
  margin-top: 8px; display: grid; gap: 12px; width: 100%;
}
.panel h3 { font-size: 15px; margin: 0; font-weight: 600; }
.chips { display: flex; flex-wrap: wrap; gap: 7px; }
.chips button {
  border: 1px solid var(--line); border-radius: 99px; padding: 3px 13px; font-size: 14px;
}
.chips button:hover { border-color: var(--accent); }
.chips button[aria-pressed="true"] {
  background: var(--accent-soft); border-color: var(--accent); color: var(--accent);
}
.field { display: grid; gap: 5px; font-size: 14px; color: var(--soft); }
.field textarea, .field input[type="text"], .field input[type="password"],
.field input[type="number"], .edit textarea {
  width: 100%; background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  padding: 9px 13px; color: var(--ink); font-size: 15px; line-height: 1.5; resize: vertical;
}
.edit { width: 100%; display: grid; gap: 9px; }
.edit textarea { border-radius: 18px; background: var(--card); font-size: 16px; }
.buttons { display: flex; gap: 8px; justify-content: flex-end; flex-wrap: wrap; }
.button {
  border: 1px solid var(--line); border-radius: 99px; padding: 6px 17px; font-size: 15px;
  background: var(--card); white-space: nowrap;
}
.button:hover:not(:disabled) { border-color: var(--accent); }
.button.main { background: var(--accent); color: var(--accent-ink); border-color: var(--accent); }
.button.main:hover:not(:disabled) { filter: brightness(1.08); }
.button.danger { color: var(--bad); }
.button.danger:hover { border-color: var(--bad); }

dialog {
  border: 1px solid var(--line); border-radius: 22px; background: var(--card); color: var(--ink);
  padding: 0; width: min(560px, calc(100vw - 24px)); max-height: min(86dvh, 820px);
  box-shadow: var(--shadow); overflow: hidden;
}
dialog[open] { display: flex; flex-direction: column; animation: arrive .18s ease both; }
dialog::backdrop { background: rgba(20, 18, 14, .46); }
.dialog-top { display: flex; align-items: center; padding: 17px 14px 6px 24px; gap: 8px; }
.dialog-top h2 { font-size: 19px; margin: 0; letter-spacing: -.01em; }
.dialog-top button { margin-left: auto; }
.dialog-body { padding: 6px 24px 22px; overflow-y: auto; display: grid; gap: 17px; }
.dialog-body p { margin: 0; }
.dialog-body h3 { font-size: 13.5px; font-weight: 600; margin: 6px 0 -6px; color: var(--soft); }
.dialog-foot { padding: 12px 24px 18px; border-top: 1px solid var(--line); }
.panel-rows { display: grid; gap: 15px; }
.soft { color: var(--soft); font-size: 14.5px; }
.slider { display: grid; grid-template-columns: 1fr auto; gap: 2px 12px; font-size: 15px; }
.slider output { font-variant-numeric: tabular-nums; color: var(--soft); }
.slider input { grid-column: 1 / -1; width: 100%; accent-color: var(--accent); margin: 2px 0; }
.slider small { grid-column: 1 / -1; color: var(--faint); font-size: 13px; line-height: 1.4; }
.switch { display: flex; gap: 14px; align-items: flex-start; cursor: pointer; }
.switch span { flex: 1; }
.switch input {
  appearance: none; width: 42px; height: 24px; border-radius: 99px; background: var(--line);
  position: relative; margin: 3px 0 0; flex: none; cursor: pointer; transition: background .15s;
}
.switch input::after {
  content: ""; position: absolute; width: 18px; height: 18px; border-radius: 50%; left: 3px;
  top: 3px; background: #fff; transition: transform .15s; box-shadow: 0 1px 3px rgba(0, 0, 0, .3);
}
.switch input:checked { background: var(--accent); }
.switch input:checked::after { transform: translateX(18px); }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 7px 22px; margin: 0;
  font-size: 15px; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; text-align: right; }
.scores { display: grid; gap: 12px; list-style: none; margin: 0; padding: 0; font-size: 15px; }
.scores li { display: grid; grid-template-columns: 1fr auto; gap: 5px 10px; }
.limits { margin: 0; padding-left: 1.2em; font-size: 15px; display: grid; gap: 5px; }
kbd {
  font: 12px var(--sans); color: var(--faint); border: 1px solid var(--line); border-radius: 6px;
  padding: 1px 6px; background: var(--card); white-space: nowrap;
}
.keys { display: grid; grid-template-columns: auto 1fr; gap: 7px 16px;
  font-size: 14.5px; margin: 0; }
.keys dd { margin: 0; color: var(--soft); }
.keys dt { text-align: right; }
.note {
  position: fixed; left: 50%; bottom: 132px; transform: translateX(-50%); z-index: 40;
  background: var(--ink); color: var(--paper); padding: 8px 17px; border-radius: 99px;
  font-size: 14.5px; box-shadow: var(--shadow); animation: arrive .18s ease both; max-width: 90vw;
}
@media (max-width: 820px) {
  .message.user .actions { opacity: 1; }
  .message.user .text { max-width: 92%; }
  dialog { margin: auto auto 0; width: 100vw; max-width: 100vw; border-radius: 22px 22px 0 0; }
  .dialog-body { padding: 6px 18px 22px; }
  .actions button { width: 38px; height: 38px; }
}
)css";

}  // namespace ctgpt::inline CTGPT_ABI::serve
