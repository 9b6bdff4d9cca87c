// Makes pages livelier. Everything works without.
"use strict";

// Times in the reader's own zone; UTC stays in the title.
const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = zoned.format(new Date(time.dateTime));
  }
}

// Looks at a run at work again and again, and shows the finished state once it is done.
const AGAIN_MS = 1500;
async function follow() {
  const live = document.getElementById("live");
  const again = live && live.dataset.again;
  if (!again) return;
  await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  try {
    const answer = await fetch(again, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    if (!next) return;
    localize(next);
    live.replaceWith(next);
    if (!next.dataset.again) {
      if (!isInUse()) location.reload();
      return;
    }
  } catch {
    // The network may come back.
  }
  follow();
}

// Nobody's half-filled form is thrown away, and no form on its way is overtaken by a new look at the page.
let touched = false;
for (const sign of ["input", "submit"]) {
  document.addEventListener(sign, () => { touched = true; });
}
function isInUse() {
  return touched;
}

// Fields that matter only while another is on.
function conditional(fieldset) {
  const name = fieldset.dataset.shownIf;
  const select = fieldset.form && fieldset.form.elements[name];
  if (!select) return;
  const update = () => { fieldset.hidden = select.value !== "yes"; };
  select.addEventListener("change", update);
  update();
}

localize(document);
document.querySelectorAll("fieldset[data-shown-if]").forEach(conditional);
follow();
