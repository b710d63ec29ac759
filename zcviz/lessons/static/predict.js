// A question with radio buttons or a number field; the kernel says what it noted.

function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// JupyterLab takes arrows and letters for its commands, but not from elements that say so.
function field(properties) {
  const input = Object.assign(made("input"), properties);
  input.dataset.lmSuppressShortcuts = "true";
  return input;
}

let forms = 0;

function choices(model, give) {
  const row = made("div", "zcl-choices");
  const name = `zcl-predict-${forms}`;
  model.get("choices").forEach((text, number) => {
    const label = made("label");
    const input = field({ type: "radio", name, value: String(number) });
    input.checked = model.get("given") === input.value;
    input.addEventListener("change", () => give(input.value));
    label.append(input, made("span", "", text));
    row.append(label);
  });
  return row;
}

function number(model, give) {
  const label = made("label", "zcl-number");
  const input = field({ type: "text", inputMode: "decimal", autocomplete: "off" });
  input.value = model.get("given");
  input.addEventListener("input", () => give(input.value));
  label.append(made("span", "zcl-quiet", "I expect"), input, made("span", "", model.get("unit")));
  return label;
}

function render({ model, el }) {
  forms += 1;
  const form = made("div", "zc zcl zcl-card");
  const group = made("fieldset");
  const legend = made("legend");
  legend.append(made("span", "zcl-overline", "Predict"), model.get("question"));
  const give = (text) => {
    model.set("given", text);
    model.save_changes();
  };
  const asked = model.get("choices").length ? choices(model, give) : number(model, give);
  const noted = made("p", "zcl-noted");
  noted.setAttribute("role", "status");
  const show = () => { noted.textContent = model.get("noted"); };
  model.on("change:noted", show);
  show();
  group.append(legend, asked, noted);
  form.append(group);
  el.append(form);
  return () => model.off("change:noted", show);
}

export default { render };
