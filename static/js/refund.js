// What comes back piece by piece is often damaged: it goes into stock only if somebody says so.
// While the event is on its way down, so that the panel is worked out with what is ticked then.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.name !== "kind") return;
    const { restock } = event.target.form.elements;
    if (restock) restock.checked = event.target.value === "FULL" && restock.defaultChecked;
  },
  true,
);
