// Copies a one-time link, so that nobody has to select 43 letters by hand.

for (const root of document.querySelectorAll('[data-copy]')) {
  const button = root.querySelector('button');
  const field = root.querySelector('input');
  button.hidden = false;
  button.addEventListener('click', async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      root.querySelector('[data-status]').textContent = root.querySelector('[data-word="copied"]').textContent;
    } catch {
      field.focus(); // selected: the keyboard copies it
    }
  });
}
