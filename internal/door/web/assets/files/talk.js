// What the other modules share: speaking to the person in the page's own words
// (hidden elements, never text from a script), and to the server in JSON.

const token = document.querySelector('meta[name="form-token"]')?.content ?? '';

/** The words for id, written by the server in the page's language. */
export function words(root, id) {
  const list = root.querySelector('[data-words]');
  const found = list?.querySelector(`[data-word="${CSS.escape(id)}"]`) ?? list?.querySelector('[data-word="failed"]');
  return found?.textContent ?? '';
}

/** Shows a sentence in the live region of root. kind is "busy", "bad" or "good". */
export function say(root, kind, text, request = '') {
  const region = root.querySelector('[data-status]');
  region.dataset.kind = kind;
  region.hidden = text === '';
  region.textContent = request === '' ? text : `${text} (${request})`;
}

/** An answer of the server that is not a success; its text is in the page's language. */
export class Refused extends Error {
  constructor(text, request) {
    super('refused');
    this.text = text;
    this.request = request;
  }
}

/** POSTs body as JSON and returns the JSON of the answer. */
export async function post(path, body) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  if (token !== '') headers['X-Form-Token'] = token;
  const answer = await fetch(path, {
    method: 'POST', headers, body: JSON.stringify(body), credentials: 'same-origin', redirect: 'error', cache: 'no-store',
  });
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok && typeof json.go === 'string') go(json.go); // prove presence first
  if (!answer.ok) throw new Refused(typeof json.text === 'string' ? json.text : '', typeof json.request === 'string' ? json.request : '');
  return json;
}

/** Goes to a path of this site; anything else is ignored. */
export function go(path) {
  const url = new URL(typeof path === 'string' ? path : '/', location.origin);
  if (url.origin === location.origin) location.assign(url.pathname + url.search);
}
