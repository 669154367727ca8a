document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const sort = (head, column) => {
    const isText = "text" in head.dataset;
    const first = isText ? "ascending" : "descending";
    const now = head.getAttribute("aria-sort");
    const direction = now !== first ? first : isText ? "descending" : "ascending";
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [row.cells[column].dataset.v, row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (isText ? order.compare(a, b) : a - b);
    });
    body.append(...rows.map(([, row]) => row));
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction);
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head, column));
    head.append(button);
  });
});
document.querySelectorAll(".scripted").forEach((hint) => hint.removeAttribute("hidden"));
