// A question with radio buttons or a number field; the kernel says what it noted.

function made(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

let forms = 0;

function choices(model, give) {
  const row = made("div", "zcl-choices");
  const name = `zcl-predict-${forms}`;
  model.get("choices").forEach((text, number) => {
    const label = made("label");
    const input = made("input");
    Object.assign(input, { type: "radio", name, value: String(number) });
    input.checked = model.get("given") === input.value;
    input.addEventListener("change", () => give(input.value));
    label.append(input, made("span", "", text));
    row.append(label);
  });
  return row;
}

function number(model, give) {
  const label = made("label", "zcl-number");
  const input = made("input");
  Object.assign(input, { type: "text", inputMode: "decimal", autocomplete: "off" });
  input.value = model.get("given");
  input.addEventListener("input", () => give(input.value));
  // JupyterLab must not take keys for commands while a number is typed.
  input.addEventListener("keydown", (event) => event.stopPropagation());
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
  const field = model.get("choices").length ? choices(model, give) : number(model, give);
  const noted = made("p", "zcl-noted");
  noted.setAttribute("role", "status");
  const show = () => { noted.textContent = model.get("noted"); };
  model.on("change:noted", show);
  show();
  group.append(legend, field, noted);
  form.append(group);
  el.append(form);
  return () => model.off("change:noted", show);
}

export default { render };
