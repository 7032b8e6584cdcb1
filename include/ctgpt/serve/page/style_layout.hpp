// The chat page's colours, letters and layout: sidebar, conversation, composer; one column on a
// phone.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_style_layout = R"css(
:root {
  color-scheme: light;
  --paper: #faf9f7; --card: #ffffff; --sunk: #f2f0ec; --hover: #ebe8e2;
  --ink: #1f1d1a; --soft: #625d55; --faint: #716b62; --line: #e4e0d9;
  --accent: #0f6b66; --accent-ink: #ffffff; --accent-soft: #dceeeb; --focus: #0f8a83;
  --bubble: #e9f1ef; --code: #f4f2ee; --bad: #a8322a; --bad-soft: #fbe9e6; --good: #1f7a45;
  --shadow: 0 1px 2px rgba(40, 35, 25, .05), 0 8px 28px rgba(40, 35, 25, .09);
  --sans: ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans",
    "DejaVu Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", "DejaVu Sans Mono", monospace;
}
:root[data-theme="dark"] {
  color-scheme: dark;
  --paper: #181817; --card: #212120; --sunk: #121211; --hover: #2b2b29;
  --ink: #eceae6; --soft: #b3aea5; --faint: #979188; --line: #33322f;
  --accent: #69c9c0; --accent-ink: #08211f; --accent-soft: #1d3a38; --focus: #7fdcd3;
  --bubble: #253331; --code: #1c1c1a; --bad: #f09a90; --bad-soft: #3a2320; --good: #7fd3a0;
  --shadow: 0 1px 2px rgba(0, 0, 0, .3), 0 10px 32px rgba(0, 0, 0, .4);
}
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body {
  background: var(--paper); color: var(--ink); font: 16px/1.6 var(--sans);
  -webkit-font-smoothing: antialiased; text-rendering: optimizeLegibility; overflow: hidden;
}
button, input, textarea, select { font: inherit; color: inherit; }
button { background: none; border: 0; cursor: pointer; padding: 0; }
button:disabled { cursor: default; opacity: .45; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
[hidden] { display: none !important; }
.hush {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.skip {
  position: fixed; left: 12px; top: -60px; z-index: 30; padding: 8px 14px; border-radius: 10px;
  background: var(--accent); color: var(--accent-ink); text-decoration: none;
}
.skip:focus { top: 12px; }
svg.icon {
  width: 18px; height: 18px; display: block; fill: none; stroke: currentColor; stroke-width: 1.8;
  stroke-linecap: round; stroke-linejoin: round; flex: none;
}

#app { display: grid; grid-template-columns: 284px minmax(0, 1fr); height: 100dvh; }
#sidebar {
  display: flex; flex-direction: column; background: var(--sunk);
  border-right: 1px solid var(--line); min-height: 0;
}
.side-top { display: flex; align-items: center; padding: 16px 14px 8px 18px; gap: 10px; }
.brand { font-weight: 650; letter-spacing: -.01em; display: flex; align-items: center; gap: 9px; }
.brand .mark {
  width: 24px; height: 24px; border-radius: 8px; background: var(--accent);
  color: var(--accent-ink); display: grid; place-items: center;
}
.brand .mark svg { width: 15px; height: 15px; stroke-width: 2.2; }
.side-top .push { margin-left: auto; }
.side-actions { padding: 6px 12px 10px; display: grid; gap: 8px; }
.row-button {
  display: flex; align-items: center; gap: 10px; width: 100%; text-align: left;
  padding: 8px 10px; border-radius: 10px; color: var(--ink); font-size: 15px;
}
.row-button:hover { background: var(--hover); }
.row-button.primary { background: var(--card); border: 1px solid var(--line); }
.row-button.primary:hover { border-color: var(--accent); background: var(--card); }
.row-button kbd { margin-left: auto; }
.search { position: relative; display: block; }
.search svg { position: absolute; left: 11px; top: 10px; color: var(--faint); width: 16px; }
.search input {
  width: 100%; padding: 7px 10px 7px 35px; border: 1px solid transparent; border-radius: 10px;
  background: transparent; font-size: 15px;
}
.search input:hover { background: var(--hover); }
.search input:focus { background: var(--card); border-color: var(--line); }
.search input::placeholder { color: var(--faint); }
#history { flex: 1; overflow-y: auto; padding: 0 12px 12px; scrollbar-width: thin; min-height: 0; }
#history h2 {
  font-size: 12px; font-weight: 600; color: var(--faint); margin: 14px 10px 4px;
  letter-spacing: .02em;
}
#history ul { list-style: none; margin: 0; padding: 0; }
.talk { position: relative; border-radius: 10px; }
.talk > button.open {
  display: block; width: 100%; text-align: left; padding: 7px 10px; border-radius: 10px;
  font-size: 14.5px; line-height: 1.4;
}
.talk .name, .talk .snippet {
  display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
.talk .snippet { font-size: 12.5px; color: var(--faint); }
.talk:hover > .open, .talk > .open:focus-visible { background: var(--hover); }
.talk.here > .open { background: var(--card); box-shadow: inset 0 0 0 1px var(--line); }
.talk .tools {
  position: absolute; right: 4px; top: 3px; display: flex; border-radius: 8px; opacity: 0;
  background: var(--hover);
}
.talk.here .tools { background: var(--card); }
.talk:hover .tools, .talk:focus-within .tools { opacity: 1; }
.talk .tools button { padding: 7px; border-radius: 8px; color: var(--soft); }
.talk .tools button:hover { color: var(--ink); }
.talk .tools svg { width: 15px; height: 15px; }
.talk:hover .name, .talk:focus-within .name { padding-right: 56px; }
.talk input {
  width: 100%; padding: 6px 9px; border-radius: 10px; border: 1px solid var(--accent);
  background: var(--card); font-size: 14.5px;
}
.nothing { color: var(--faint); font-size: 14px; padding: 10px; }
.side-bottom { border-top: 1px solid var(--line); padding: 8px 12px 12px; }

main { display: flex; flex-direction: column; min-width: 0; min-height: 0; position: relative; }
.top {
  display: flex; align-items: center; gap: 10px; padding: 12px 18px; min-height: 60px;
  border-bottom: 1px solid transparent;
}
.top.lined { border-color: var(--line); }
.top h1 {
  font-size: 15px; font-weight: 600; margin: 0; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; min-width: 0;
}
.pill {
  font-size: 12.5px; color: var(--soft); border: 1px solid var(--line); border-radius: 99px;
  padding: 2px 10px; white-space: nowrap; max-width: 40vw; overflow: hidden;
  text-overflow: ellipsis;
}
.pill:hover { border-color: var(--accent); color: var(--ink); }
.top .push { margin-left: auto; display: flex; gap: 2px; align-items: center; }
.icon-button {
  width: 36px; height: 36px; border-radius: 10px; display: grid; place-items: center;
  color: var(--soft); flex: none;
}
.icon-button:hover { background: var(--hover); color: var(--ink); }
#open-sidebar, #close-sidebar { display: none; }
#scroll { flex: 1; overflow-y: auto; min-height: 0; scrollbar-width: thin; }
.column { max-width: 768px; margin: 0 auto; padding: 0 24px; width: 100%; }
#messages { list-style: none; margin: 0 auto; padding-top: 12px; padding-bottom: 36px; }

#welcome { padding-top: clamp(40px, 15vh, 150px); padding-bottom: 30px; }
#welcome .mark {
  width: 52px; height: 52px; border-radius: 17px; background: var(--accent);
  color: var(--accent-ink); display: grid; place-items: center; margin-bottom: 20px;
}
#welcome .mark svg { width: 29px; height: 29px; }
#welcome h2 { font-size: 30px; line-height: 1.2; letter-spacing: -.022em; margin: 0 0 8px; }
#welcome p { color: var(--soft); margin: 0 0 28px; max-width: 34em; }
.starters { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
.starters button {
  text-align: left; padding: 15px 16px; border: 1px solid var(--line); border-radius: 16px;
  background: var(--card); line-height: 1.4; display: flex; align-items: center; gap: 12px;
  transition: border-color .15s, transform .15s, box-shadow .15s;
}
.starters button:hover {
  border-color: var(--accent); transform: translateY(-1px); box-shadow: var(--shadow);
}
.starters svg { margin-left: auto; color: var(--faint); }

.foot { padding: 0 0 12px; background: var(--paper); }
#composer {
  display: flex; align-items: flex-end; gap: 8px; background: var(--card);
  border: 1px solid var(--line); border-radius: 24px; padding: 8px 8px 8px 18px;
  box-shadow: var(--shadow); transition: border-color .15s;
}
#composer:focus-within { border-color: var(--accent); }
#prompt {
  flex: 1; resize: none; border: 0; background: none; outline: none; max-height: 40vh;
  padding: 7px 0; line-height: 1.5; min-width: 0; overflow-y: auto; scrollbar-width: thin;
}
#prompt::placeholder { color: var(--faint); }
.round {
  width: 38px; height: 38px; border-radius: 50%; background: var(--accent); flex: none;
  color: var(--accent-ink); display: grid; place-items: center; transition: opacity .15s;
}
.round:hover:not(:disabled) { filter: brightness(1.08); }
.round:disabled { background: var(--hover); color: var(--faint); opacity: 1; }
#stop svg { fill: currentColor; stroke: none; width: 15px; height: 15px; }
.fine { text-align: center; font-size: 12.5px; color: var(--faint); margin: 8px 0 0; }
#to-end {
  position: absolute; left: 50%; bottom: 128px; margin-left: -18px; width: 36px; height: 36px;
  border-radius: 50%; border: 1px solid var(--line); background: var(--card);
  box-shadow: var(--shadow); display: grid; place-items: center; color: var(--soft);
}
#scrim { display: none; }

@media (max-width: 820px) {
  #app { grid-template-columns: minmax(0, 1fr); }
  #sidebar {
    position: fixed; inset: 0 auto 0 0; width: min(320px, 86vw); z-index: 20;
    transform: translateX(-102%); visibility: hidden;
    transition: transform .22s ease, visibility .22s; box-shadow: var(--shadow);
  }
  .drawer #sidebar { transform: none; visibility: visible; }
  .drawer #scrim {
    display: block; position: fixed; inset: 0; background: rgba(0, 0, 0, .42); z-index: 15;
  }
  #open-sidebar, #close-sidebar { display: grid; }
  .top { padding: 8px 10px; min-height: 52px; }
  .top.lined, .top { border-color: var(--line); }
  .column { padding: 0 16px; }
  #welcome { padding-top: 7vh; }
  #welcome h2 { font-size: 25px; }
  .starters { grid-template-columns: 1fr; gap: 9px; }
  .starters button { padding: 12px 14px; }
  .talk .tools { opacity: 1; background: none; }
  .talk .name { padding-right: 56px; }
  .foot { padding-bottom: max(10px, env(safe-area-inset-bottom)); }
  .foot .column { padding: 0 10px; }
  .pill { max-width: 34vw; }
  kbd { display: none; }
}
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation: none !important; transition: none !important; }
}
@media print {
  #sidebar, .foot, .actions, .top { display: none !important; }
  body, #scroll, #app, main { overflow: visible; height: auto; display: block; }
}
)css";

}  // namespace ctgpt::inline CTGPT_ABI::serve
