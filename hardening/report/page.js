'use strict';
(() => {
  const root = document.documentElement;
  const $ = (s) => document.querySelector(s);
  const table = $('.units');

  // The theme: that of the system until somebody chooses.
  const store = (v) => { try { return v === undefined ? localStorage.getItem('theme') : localStorage.setItem('theme', v); } catch { return null; } };
  const toggle = $('#theme');
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  const label = () => { toggle.textContent = dark() ? 'Light theme' : 'Dark theme'; };
  const chosen = store();
  if (chosen === 'dark' || chosen === 'light') root.dataset.theme = chosen;
  label();
  toggle.addEventListener('click', () => { root.dataset.theme = dark() ? 'light' : 'dark'; store(root.dataset.theme); label(); });
  if (!table) return;

  const units = Array.from(table.tBodies).filter((t) => t.classList.contains('unit')).map((body, place) => ({
    body, place,
    e: Number(body.dataset.e), n: Number(body.dataset.n), s: Number(body.dataset.s),
    rating: body.dataset.r, backend: body.dataset.b, severities: body.dataset.f.split(' '),
    gain: Number(body.dataset.g), name: body.querySelector('.name').textContent, text: null,
  }));

  // The blocks of columns become tables when they are looked at.
  const lay = (pre) => {
    const grid = document.createElement('table');
    grid.className = 'grid';
    grid.setAttribute('aria-label', pre.dataset.title);
    const head = grid.createTHead().insertRow();
    for (const title of pre.dataset.head.split('|')) {
      const th = document.createElement('th');
      th.scope = 'col';
      th.textContent = title;
      head.append(th);
    }
    const body = grid.createTBody();
    for (const line of pre.textContent.trimEnd().split('\n')) {
      const tr = body.insertRow();
      line.split('\t').forEach((cell, i) => {
        const td = tr.insertCell();
        const text = cell.trim();
        if (i === Number(pre.dataset.code)) {
          for (const part of text.split(' ; ')) {
            const code = document.createElement('code');
            code.textContent = part;
            td.append(code);
          }
          return;
        }
        td.textContent = text;
        if (/^[\d.−]+$/.test(text)) td.className = 'num';
        if (text === '✗') td.className = 'no';
        if (text === '✓') td.className = 'yes';
      });
    }
    pre.replaceWith(grid);
  };

  const open = (u, on) => {
    u.body.classList.toggle('open', on);
    u.button.setAttribute('aria-expanded', String(on));
    if (on) u.body.querySelectorAll('pre').forEach((pre) => { if (!pre.closest('details:not([open])')) lay(pre); });
  };
  for (const u of units) {
    const name = u.body.querySelector('.name');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'name';
    button.textContent = name.textContent;
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-controls', u.body.querySelector('.detail').id);
    name.replaceWith(button);
    u.button = button;
    u.body.rows[0].addEventListener('click', (ev) => {
      if (ev.target !== button && (ev.target.closest('a') || String(getSelection()))) return;
      open(u, !u.body.classList.contains('open'));
    });
    u.body.querySelectorAll('details').forEach((d) => d.addEventListener('toggle', () => { if (d.open) d.querySelectorAll('pre').forEach(lay); }));
  }
  if (units.length === 1) open(units[0], true);
  const all = $('#all');
  all.addEventListener('click', () => {
    const on = all.getAttribute('aria-pressed') !== 'true';
    all.setAttribute('aria-pressed', String(on));
    all.textContent = on ? 'Close all' : 'Open all';
    for (const u of units) if (!u.body.hidden || !on) open(u, on);
  });

  // Sorting. Equal units keep the order of the report.
  const by = {
    exposure: (a, b) => a.e - b.e, rating: (a, b) => a.e - b.e,
    name: (a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0,
    backend: (a, b) => a.backend < b.backend ? -1 : a.backend > b.backend ? 1 : 0,
    findings: (a, b) => a.s - b.s || a.n - b.n, gain: (a, b) => a.gain - b.gain,
  };
  const heads = Array.from(table.tHead.rows[0].cells);
  for (const th of heads) {
    th.querySelector('button').addEventListener('click', () => {
      const key = th.dataset.key;
      const text = key === 'name' || key === 'backend';
      const was = th.getAttribute('aria-sort');
      const down = was ? was === 'ascending' : !text;
      for (const h of heads) h.removeAttribute('aria-sort');
      th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      units.sort((a, b) => (down ? by[key](b, a) : by[key](a, b)) || a.place - b.place);
      table.append(...units.map((u) => u.body));
    });
  }

  // Filters: the marks of one group are alternatives, groups must all fit.
  const search = $('#search');
  const boxes = Array.from(document.querySelectorAll('.tools input[type=checkbox]'));
  const marked = (group) => boxes.filter((b) => b.name === group && b.checked).map((b) => b.value);
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const ratings = marked('rating'), backends = marked('backend'), severities = marked('severity');
    let shown = 0;
    for (const u of units) {
      if (words.length && u.text === null) {
        u.text = Array.from(u.body.querySelectorAll('.name, .path, .finds, .error'), (e) => e.textContent).join('\n').toLowerCase();
      }
      const fits = (!ratings.length || ratings.includes(u.rating)) && (!backends.length || backends.includes(u.backend)) &&
        (!severities.length || severities.some((s) => u.severities.includes(s))) && words.every((w) => u.text.includes(w));
      u.body.hidden = !fits;
      if (fits) shown++;
    }
    $('#count').textContent = shown === units.length ? `${shown} units` : `${shown} of ${units.length} units`;
    $('#nothing').hidden = shown > 0;
  };
  search.addEventListener('input', filter);
  for (const b of boxes) b.addEventListener('change', filter);
  filter();

  // The keyboard: / searches, Escape clears, arrows go from unit to unit.
  document.addEventListener('keydown', (ev) => {
    if (ev.ctrlKey || ev.metaKey || ev.altKey) return;
    const at = document.activeElement;
    if (ev.key === '/' && at !== search) { search.focus(); search.select(); ev.preventDefault(); }
    if (ev.key === 'Escape' && at === search) { search.value = ''; filter(); }
    if ((ev.key === 'ArrowDown' || ev.key === 'ArrowUp') && at.matches('button.name')) {
      const seen = units.filter((u) => !u.body.hidden);
      const next = seen[seen.findIndex((u) => u.button === at) + (ev.key === 'ArrowDown' ? 1 : -1)];
      if (next) { next.button.focus(); ev.preventDefault(); }
    }
  });
})();
