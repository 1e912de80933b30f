// The terminal's own rules. xterm writes them into style elements, which the page's policy forbids. A stylesheet made by
// script is permitted, so whatever asks for a style element while the terminal is built is given a stand-in whose text
// becomes such a sheet.
//
// xterm has an option for another document (documentOverride), but its scrollbar does not heed it.

/** Runs what builds the terminal. It must not wait for anything: document.createElement is another one meanwhile. */
export function withoutStyleElements(build: () => void): void {
  const own = Object.getOwnPropertyDescriptor(document, "createElement");
  const create = document.createElement.bind(document) as (name: string, options?: ElementCreationOptions) => HTMLElement;
  Object.defineProperty(document, "createElement", {
    configurable: true,
    value: (name: string, options?: ElementCreationOptions) => (name.toLowerCase() === "style" ? standIn(create("i")) : create(name, options)),
  });
  try {
    build();
  } finally {
    if (own) Object.defineProperty(document, "createElement", own);
    else Reflect.deleteProperty(document, "createElement"); // the prototype's shows again
  }
}

function standIn(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  element.hidden = true;
  Object.defineProperty(element, "textContent", { set: (text: string) => sheet.replaceSync(text), get: () => "" });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}
