// Typing part of a name narrows the lists that are already on the page, and says how
// many are left. Nothing is sent anywhere; without this module the whole lists stay.

import { words } from './talk.js';

const plain = (s) => s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

for (const root of document.querySelectorAll('[data-narrow]')) {
  const box = root.querySelector('input[type="search"]');
  const status = root.querySelector('[data-status]');
  const rows = [...root.querySelectorAll('[data-row]')];
  root.querySelector('[data-narrow-box]').hidden = false;
  const narrow = () => {
    const wanted = plain(box.value).split(/\s+/).filter((w) => w !== '');
    let left = 0;
    for (const row of rows) {
      const text = plain(row.dataset.row);
      row.hidden = !wanted.every((w) => text.includes(w));
      if (!row.hidden) left += 1;
    }
    const said = left === 0 ? 'none' : left === 1 ? 'one' : 'some';
    status.textContent = wanted.length === 0 ? '' : words(root, said).replace('#', String(left));
  };
  box.addEventListener('input', narrow);
  narrow(); // the browser may have kept what was typed
}
