// Typing part of a name narrows a list that is already on the page. Nothing is
// sent anywhere; without this module the whole list stays as it is.

import { words } from './talk.js';

const plain = (s) => s.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

for (const root of document.querySelectorAll('[data-narrow]')) {
  const box = root.querySelector('input[type="search"]');
  const status = root.querySelector('[data-status]');
  const rows = [...root.querySelectorAll('[data-row]')];
  root.querySelector('[data-narrow-box]').hidden = false;
  box.addEventListener('input', () => {
    const wanted = plain(box.value).split(/\s+/).filter((w) => w !== '');
    let left = 0;
    for (const row of rows) {
      const text = plain(row.dataset.row);
      row.hidden = !wanted.every((w) => text.includes(w));
      if (!row.hidden) left += 1;
    }
    status.textContent = left === 0 ? words(root, 'none') : '';
  });
}
