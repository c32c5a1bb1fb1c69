/** The settings of the program, as `gc-usage config` lists them. Loaded on demand, because few programs need them. */
export async function loadSettingsList() {
  const { listSettings, unknownVariables, settingVariables } = await import("./settings-list.ts");
  return { listSettings, unknownVariables, settingVariables };
}
