// How well a text answers what was typed. Letters must come in their order; whole words, beginnings and letters side by
// side count more, and short texts before long ones.

/** A score above 0, or 0 for a text that does not fit. */
export function score(query: string, text: string): number {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return 1;
  let total = 0;
  for (const w of words) {
    const one = scoreWord(w, text.toLowerCase());
    if (one === 0) return 0;
    total += one;
  }
  return total / words.length;
}

function scoreWord(word: string, text: string): number {
  if (text === word) return 1000;
  const at = text.indexOf(word);
  if (at === 0) return 900 - Math.min(100, text.length - word.length);
  if (at > 0) return (begins(text, at) ? 700 : 500) - Math.min(100, text.length - word.length);
  return Math.max(scattered(word, text, true), scattered(word, text, false));
}

/** The letters in their order. Each run of letters side by side counts once; beginnings of words are preferred, or not. */
function scattered(word: string, text: string, initials: boolean): number {
  let from = 0;
  let gaps = 0;
  let starts = 0;
  for (let i = 0; i < word.length; i++) {
    let next = text.indexOf(word[i], from);
    if (initials && (i === 0 || next > from)) {
      let start = next;
      while (start >= 0 && !begins(text, start)) start = text.indexOf(word[i], start + 1);
      if (start >= 0) next = start;
    }
    if (next < 0) return 0;
    if (i > 0 && next > from) gaps++;
    if (begins(text, next)) starts++;
    from = next + 1;
  }
  // Letters that are scattered over a long text fit everything: they say nothing.
  if (gaps > 2 && starts < word.length - 1) return 0;
  return Math.max(1, 300 + 20 * starts - 40 * gaps - Math.min(100, text.length - word.length));
}

const begins = (text: string, at: number) => at === 0 || /[\s/._:-]/.test(text[at - 1]);

/** Those that fit, the best first; of equals, the earlier first. */
export function ranked<T>(query: string, list: T[], textsOf: (item: T) => string[]): T[] {
  return list
    .map((item, i) => ({ item, i, s: Math.max(0, ...textsOf(item).map((t, n) => score(query, t) * (n === 0 ? 1 : 0.8))) }))
    .filter((r) => r.s > 0)
    .sort((a, b) => b.s - a.s || a.i - b.i)
    .map((r) => r.item);
}
