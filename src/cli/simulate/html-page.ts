import { escapeText } from "./line-plot.ts";

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #57606a; --grid: #e3e6ea;
  --c0: #0060df; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; --c4: #b91c1c; --c5: #0e7490; --c6: #a16207; --c7: #be185d; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e6e9ed; --soft: #a0a8b2; --grid: #2c3238;
  --c0: #6cb2ff; --c1: #ff9a5c; --c2: #5fd58a; --c3: #c79bff; --c4: #ff8080; --c5: #58d0e3; --c6: #e6c04d; --c7: #ff8fc4; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; border-top: 1px solid var(--grid); padding-top: 1rem; }
p { max-width: 75ch; white-space: pre-line; } pre { overflow-x: auto; font-size: 13px; line-height: 1.45; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 1.5rem; }
figure { margin: 0; max-width: 640px; } figcaption { font-weight: 600; margin-bottom: .25rem; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } figure > svg { display: block; width: 100%; height: auto; } .grid { stroke: var(--grid); }
.mark { stroke: var(--soft); stroke-dasharray: 2 3; } .line { stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 6 4; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: 13px; } .legend span { display: inline-flex; align-items: center; gap: .35rem; }
${[0, 1, 2, 3, 4, 5, 6, 7].map((i) => `.l${i} { stroke: var(--c${i}); fill: none; } .dot.l${i} { fill: var(--c${i}); }`).join(" ")}
`;

/** @returns a page that needs nothing but itself, readable on light and dark. @param title text. @param body HTML. */
export function htmlPage(title: string, body: string): string {
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<title>${escapeText(title)}</title><style>${STYLE}</style></head><body>`,
    `<h1>${escapeText(title)}</h1>`,
    body,
    "</body></html>\n",
  ].join("\n");
}
