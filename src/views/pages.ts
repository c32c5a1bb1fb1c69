/** The views and their paths. The server sends the page for each of them. */
export const VIEWS = [
  { name: "overview", path: "/", title: "Overview" },
  { name: "failures", path: "/failures", title: "Rate limits and errors" },
  { name: "client", path: "/client", title: "Clients" },
  { name: "endpoints", path: "/endpoints", title: "Endpoints" },
  { name: "users", path: "/users", title: "Users" },
  { name: "fair-use", path: "/fair-use", title: "Fair use" },
  { name: "limits", path: "/limits", title: "Limits" },
  { name: "coverage", path: "/coverage", title: "Coverage" },
  { name: "sql", path: "/sql", title: "SQL" },
] as const;
export type ViewName = (typeof VIEWS)[number]["name"];
