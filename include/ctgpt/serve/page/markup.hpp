// The chat page's elements: what stands there before the scripts fill it.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_head = R"html(<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>ctgpt</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24
 24'%3E%3Crect width='24' height='24' rx='8' fill='%230f6b66'/%3E%3Cpath d='M7 8h10v7h-5l-3 3v-3H7z'
 fill='none' stroke='white' stroke-width='1.8' stroke-linejoin='round'/%3E%3C/svg%3E">
)html";

inline constexpr std::string_view page_body = R"html(<body>
<a class="skip" href="#prompt">Skip to your question</a>
<div id="app">
  <aside id="sidebar" aria-label="Conversations">
    <div class="side-top">
      <span class="brand"><span class="mark" data-icon="chat"></span>ctgpt</span>
      <button type="button" class="icon-button push" id="close-sidebar" data-icon="close"
        aria-label="Close the list of conversations"></button>
    </div>
    <div class="side-actions">
      <button type="button" class="row-button primary" id="new-chat"><span
        data-icon="plus"></span>New chat<kbd>Ctrl ⇧ O</kbd></button>
      <label class="search"><span class="hush">Search conversations</span>
        <span data-icon="search"></span>
        <input id="search" type="search" placeholder="Search" autocomplete="off" maxlength="200">
      </label>
    </div>
    <nav id="history" aria-label="History" tabindex="-1"></nav>
    <div class="side-bottom">
      <button type="button" class="row-button" id="open-settings"><span data-icon="sliders"></span>
        Settings</button>
      <button type="button" class="row-button" id="open-data"><span data-icon="lock"></span>Your
        data</button>
      <button type="button" class="row-button" id="open-about"><span data-icon="info"></span>About
        this model</button>
    </div>
  </aside>
  <div id="scrim"></div>
  <main>
    <header class="top" id="top">
      <button type="button" class="icon-button" id="open-sidebar" data-icon="menu"
        aria-label="Open the list of conversations" aria-expanded="false"
        aria-controls="sidebar"></button>
      <h1 id="title">New chat</h1>
      <div class="push">
        <button type="button" class="pill" id="model-name" aria-label="About this model"></button>
        <button type="button" class="icon-button" id="theme"></button>
      </div>
    </header>
    <div id="scroll" tabindex="-1">
      <section id="welcome" class="column" aria-labelledby="greeting" hidden>
        <div class="mark" data-icon="chat"></div>
        <h2 id="greeting">What would you like to know?</h2>
        <p id="greeting-more"></p>
        <div class="starters" id="starters"></div>
      </section>
      <ol id="messages" class="column" aria-label="Conversation"></ol>
    </div>
    <button type="button" id="to-end" data-icon="down" aria-label="Go to the end" hidden></button>
    <div class="foot">
      <div class="column">
        <form id="composer">
          <textarea id="prompt" rows="1" aria-label="Your question" placeholder="Ask something"
            enterkeyhint="send"></textarea>
          <button type="submit" class="round" id="send" data-icon="up" aria-label="Send"
            disabled></button>
          <button type="button" class="round" id="stop" data-icon="stop"
            aria-label="Stop the answer" hidden></button>
        </form>
        <p class="fine">A small model makes things up. Check what matters.</p>
      </div>
    </div>
  </main>
</div>
<div id="live" class="hush" aria-live="polite"></div>
<div id="notes" role="status"></div>
<div id="chances" role="dialog" aria-label="Likeliest tokens here" hidden></div>

<dialog id="settings" aria-labelledby="settings-title">
  <div class="dialog-top"><h2 id="settings-title">Settings</h2>
    <button type="button" class="icon-button" data-icon="close" data-close
      aria-label="Close"></button>
  </div>
  <div class="dialog-body">
    <label class="field" for="system"><span id="system-label">System prompt</span>
      <textarea id="system" rows="3" placeholder="How the model should answer"></textarea></label>
    <h3>Sampling</h3>
    <div id="sliders" class="panel-rows"></div>
    <h3>Keyboard</h3>
    <dl class="keys">
      <dt><kbd>Enter</kbd></dt><dd>send; <kbd>Shift Enter</kbd> for a new line</dd>
      <dt><kbd>Esc</kbd></dt><dd>stop the answer</dd>
      <dt><kbd>↑</kbd></dt><dd>edit your last question</dd>
      <dt><kbd>Ctrl K</kbd></dt><dd>search conversations</dd>
      <dt><kbd>Ctrl ⇧ O</kbd></dt><dd>new chat</dd>
      <dt><kbd>Ctrl ⇧ C</kbd></dt><dd>copy the last answer</dd>
      <dt><kbd>/</kbd></dt><dd>go to the question</dd>
    </dl>
  </div>
  <div class="dialog-foot buttons">
    <button type="button" class="button" id="reset-settings">Model's defaults</button>
    <button type="button" class="button main" id="save-settings">Save</button>
  </div>
</dialog>

<dialog id="about" aria-labelledby="about-title">
  <div class="dialog-top"><h2 id="about-title">About this model</h2>
    <button type="button" class="icon-button" data-icon="close" data-close
      aria-label="Close"></button>
  </div>
  <div class="dialog-body" id="about-body"></div>
</dialog>

<dialog id="data" aria-labelledby="data-title">
  <div class="dialog-top"><h2 id="data-title">Your data</h2>
    <button type="button" class="icon-button" data-icon="close" data-close
      aria-label="Close"></button>
  </div>
  <div class="dialog-body">
    <p class="soft" id="whose"></p>
    <label class="switch"><span>Let this server learn from my conversations<br>
      <span class="soft">With your consent they may be exported, without your name, to improve the
      model. It can be taken back.</span></span>
      <input type="checkbox" role="switch" id="consent"></label>
    <div class="buttons">
      <button type="button" class="button" id="export">Export everything</button>
      <button type="button" class="button danger" id="erase">Delete everything</button>
    </div>
    <button type="button" class="row-button" id="forget-key" hidden>Use another key</button>
  </div>
</dialog>

<dialog id="key-dialog" aria-labelledby="key-title">
  <div class="dialog-top"><h2 id="key-title">Your key</h2></div>
  <form class="dialog-body" id="key-form">
    <p class="soft" id="key-why">This server asks who you are. The key stays in this browser.</p>
    <label class="field"><span>API key</span>
      <input type="password" id="key" autocomplete="current-password" required></label>
    <div class="buttons"><button type="submit" class="button main">Continue</button></div>
  </form>
</dialog>

<dialog id="confirm" aria-labelledby="confirm-title">
  <div class="dialog-top"><h2 id="confirm-title"></h2></div>
  <div class="dialog-body"><p id="confirm-text" class="soft"></p>
    <div class="buttons">
      <button type="button" class="button" id="confirm-no">Cancel</button>
      <button type="button" class="button danger" id="confirm-yes">Yes</button>
    </div>
  </div>
</dialog>
)html";

}  // namespace ctgpt::inline CTGPT_ABI::serve
