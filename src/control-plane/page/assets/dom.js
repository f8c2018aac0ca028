const SVG = "http://www.w3.org/2000/svg";
/** What the reader or the object model sets. */
const OWN_ATTRIBUTES = new Set(["style", "open"]);
const SVG_TAGS = new Set(["svg", "g", "rect", "text", "title", "path", "line"]);

/**
 * Makes an element. Text is text: nothing that a server says becomes markup.
 *
 * @param {string} tag
 * @param {Record<string, string | number | boolean | undefined | null>} attributes left out where false, undefined or null; `width%` is a style.
 * @param {...(Node | string | number | null | undefined | readonly (Node | string | number | null | undefined)[])} children
 * @returns {Element}
 */
export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    // By the object model, which the page's policy allows; a style attribute it does not.
    if (name === "width%") /** @type {HTMLElement} */ (element).style.width = `${value}px`;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === "") continue;
    element.append(typeof child === "number" ? String(child) : child);
  }
  return element;
}

/**
 * Makes the children of an element like those of another one, changing only what differs: what has the focus keeps it, and nothing flickers.
 *
 * @param {Element} target
 * @param {readonly (Node | string)[]} wanted
 */
export function show(target, ...wanted) {
  const holder = document.createElement("div");
  holder.append(...wanted);
  morphChildren(target, holder);
}

/** @param {Element} target @param {Element} wanted */
function morphChildren(target, wanted) {
  let old = target.firstChild;
  const keyed = new Map([...target.children].flatMap((each) => (keyOf(each) ? [[keyOf(each), each]] : [])));
  for (const fresh of [...wanted.childNodes]) {
    const known = keyed.get(keyOf(fresh));
    if (known !== undefined && known !== old) {
      move(target, known, old);
      old = known;
    }
    if (old === null) target.append(fresh);
    else {
      const next = old.nextSibling;
      if (isAlike(old, fresh)) morph(old, fresh);
      else target.replaceChild(fresh, old);
      old = next;
    }
  }
  while (old !== null) {
    const next = old.nextSibling;
    old.remove();
    old = next;
  }
}

/** @param {Node} a @param {Node} b */
function isAlike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
}

/** @param {Node} node @returns {string | undefined} what it is about, for children that come in another order */
function keyOf(node) {
  return node instanceof HTMLElement ? node.dataset["key"] : undefined;
}

/** Where the browser can, without the node losing the focus. @param {any} parent @param {Node} node @param {Node | null} before */
function move(parent, node, before) {
  if (parent.moveBefore !== undefined) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}

/** @param {Node} old @param {Node} fresh */
function morph(old, fresh) {
  if (!(old instanceof Element && fresh instanceof Element)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !OWN_ATTRIBUTES.has(name)) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes])
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  if (old instanceof HTMLElement && fresh instanceof HTMLElement && old.style.width !== fresh.style.width)
    old.style.width = fresh.style.width;
  // What somebody is typing stays; what the address says counts otherwise.
  if (old instanceof HTMLInputElement && old !== document.activeElement) {
    const value = fresh.getAttribute("value") ?? "";
    if (old.value !== value) old.value = value;
  }
  morphChildren(old, fresh);
  if (old instanceof HTMLSelectElement && old !== document.activeElement) {
    const chosen = [...old.options].find((option) => option.hasAttribute("selected"));
    if (chosen !== undefined && !chosen.selected) chosen.selected = true;
  }
}
