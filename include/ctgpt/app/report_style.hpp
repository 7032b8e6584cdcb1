// report_style: the style and the script of the report's page.
//
// Colours are variables, dark ones where the reader's system prefers them. Without the script the
// page lacks only the values under the pointer: its switches are inputs that style reads.
// The script writes text by textContent alone, and holds neither & nor <, so that the page is
// well-formed XML as well.
// Errors: none.
#pragma once

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline constexpr const char* report_style = R"(
:root{color-scheme:light dark;--back:#fff;--paper:#f6f7f9;--ink:#1d2430;--dim:#5b6472;
--rule:#d9dde3;--mark:#fff3c4;--k0:#0072b2;--k1:#d55e00;--k2:#009e73;--k3:#b3589a;
--k4:#b87d00;--k5:#3a9bd8;
--k6:#7a7a7a;--k7:#1d2430}
@media (prefers-color-scheme:dark){:root{--back:#14171c;--paper:#1c2027;--ink:#e6e9ee;--dim:#a0a9b6;
--rule:#353b45;--mark:#4a3f14;--k0:#4aa8e0;--k1:#ff8a4c;--k2:#2fc79a;--k3:#e29bc8;--k4:#e6b23c;
--k5:#8fd0f7;--k6:#a5a5a5;--k7:#f2f2f2}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:84rem;padding:1rem;background:var(--back);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:.5rem 0}
p{margin:.25rem 0}.dim{color:var(--dim)}
.switch{display:inline-block;margin:.5rem .25rem .5rem 0}
input.smooth{margin:0 .25rem 0 .5rem}
#legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding:0;margin:.5rem 0;list-style:none}
.key{width:2.6rem;height:1rem;vertical-align:-.15rem;margin-right:.4rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem}
figure{margin:0;padding:.75rem;background:var(--paper);border-radius:.5rem;position:relative;
min-width:0}
figcaption{font-weight:600;display:inline-block;margin-right:1rem}
figure label{font-size:.875rem;margin-left:.3rem}
svg{display:block;width:100%;height:auto}svg.key{display:inline-block}
svg text{fill:var(--dim);font-size:12px}
.grid{stroke:var(--rule)}.frame{fill:none;stroke:var(--dim)}
.cursor{stroke:var(--dim);stroke-dasharray:2 2;visibility:hidden}
.log:checked~svg.linear,.log:not(:checked)~svg.logarithmic{display:none}
.thin,.thick{fill:none;stroke:var(--run);stroke-linejoin:round;stroke-linecap:round}
.thin{stroke-width:1;opacity:.35}.thick{stroke-width:2}
.mark{fill:var(--back);stroke:var(--run);stroke-width:1.6}
.d1{stroke-dasharray:8 4}.d2{stroke-dasharray:2 4}.mark.d1,.mark.d2{stroke-dasharray:none}
.strong,#smooth-none:checked~main .light{display:none}
#smooth-strong:checked~main .light{display:none}#smooth-strong:checked~main .strong{display:inline}
#smooth-none:checked~main .thin{opacity:1}
.c0{--run:var(--k0)}.c1{--run:var(--k1)}.c2{--run:var(--k2)}.c3{--run:var(--k3)}
.c4{--run:var(--k4)}.c5{--run:var(--k5)}.c6{--run:var(--k6)}.c7{--run:var(--k7)}
#tip{position:fixed;display:none;pointer-events:none;padding:.35rem .6rem;font-size:.875rem;
z-index:1;background:var(--back);border:1px solid var(--rule);border-radius:.35rem;max-width:90vw}
#tip div{border-left:.3rem solid var(--run);padding-left:.4rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9375rem;overflow-wrap:normal}
th,td{text-align:left;padding:.25rem .9rem .25rem .5rem;border-bottom:1px solid var(--rule);
vertical-align:top}
tbody th{white-space:nowrap}
td{font-variant-numeric:tabular-nums;min-width:8.5rem;max-width:24rem;overflow-wrap:anywhere}
thead th{min-width:8rem;max-width:24rem;overflow-wrap:anywhere}
tr.differs{background:var(--mark)}
summary{cursor:pointer}
.samples{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
.samples>section{min-width:0}
@media (max-width:34rem){svg text{font-size:14.5px}}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--paper);padding:.6rem .8rem;
margin:.25rem 0 .75rem;border-radius:.35rem;font-size:.875rem;max-height:24rem;overflow-y:auto}
)";

inline constexpr const char* report_script = R"(
(function () {
  var curves = JSON.parse(document.getElementById('curves').textContent);
  var tip = document.getElementById('tip');
  var names = Array.from(document.querySelectorAll('#legend bdi'), function (e) {
    return e.textContent;
  });
  function nearest(steps, wanted) {
    var low = 0, high = steps.length - 1;
    while (high - low > 1) {
      var middle = Math.floor((low + high) / 2);
      if (steps[middle] > wanted) high = middle; else low = middle;
    }
    return steps[high] - wanted > wanted - steps[low] ? low : high;
  }
  function say(i, text) {
    var row = document.createElement('div');
    row.className = 'c' + i % 8;
    row.textContent = names[i] + ': ' + text;
    tip.appendChild(row);
  }
  document.querySelectorAll('svg[data-chart]').forEach(function (svg) {
    var cursor = svg.querySelector('.cursor');
    svg.addEventListener('pointermove', function (event) {
      var box = svg.getBoundingClientRect(), frame = svg.querySelector('.frame').getBBox();
      var x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
      var part = Math.max(0, Math.min(1, (x - frame.x) / frame.width));
      var first = Number(svg.dataset.first), last = Number(svg.dataset.last);
      var wanted = first + part * (last - first);
      tip.textContent = '';
      curves[svg.dataset.chart].forEach(function (run, i) {
        if (run.steps.length === 0) return;
        var k = nearest(run.steps, wanted);
        say(i, run.values[k].toPrecision(5) + ' at step ' + run.steps[k]);
        if (run.at === undefined || run.at.length === 0) return;
        k = nearest(run.at, wanted);
        say(i, 'validation ' + run.validation[k].toPrecision(5) + ' at step ' + run.at[k]);
      });
      cursor.setAttribute('x1', frame.x + part * frame.width);
      cursor.setAttribute('x2', frame.x + part * frame.width);
      cursor.style.visibility = 'visible';
      tip.style.display = 'block';
      var room = document.documentElement.clientWidth - tip.offsetWidth - 8;
      tip.style.left = Math.max(0, Math.min(event.clientX + 14, room)) + 'px';
      tip.style.top = Math.max(0, event.clientY - tip.offsetHeight - 12) + 'px';
    });
    svg.addEventListener('pointerleave', function () {
      cursor.style.visibility = 'hidden';
      tip.style.display = 'none';
    });
  });
})();
)";

}  // namespace ctgpt::inline CTGPT_ABI::app
