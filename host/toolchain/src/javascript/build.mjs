// Bundles a plugin in JavaScript or TypeScript, and either says what it offers or makes
// its component. Written into a project's folder of the build, and run there by
// `fusebox plugin build`:
//
//   node build.mjs describe MODULES MAIN
//   node build.mjs componentize MODULES MAIN WIT WORLD OUT [CAPABILITY]...

import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const work = dirname(fileURLToPath(import.meta.url));
const [mode, modules, main, ...rest] = process.argv.slice(2);
const { build } = createRequire(join(modules, "package.json"))("esbuild");

const kit = (name) => JSON.stringify(resolve("fusebox", name));

async function bundle(name, text) {
  const outfile = join(work, `${name}.mjs`);
  try {
    await build({
      stdin: { contents: text, resolveDir: process.cwd(), sourcefile: `${name}.js` },
      bundle: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["module", "import"],
      external: ["fusebox:*", "wasi:*"],
      target: "es2022",
      outfile,
      logLevel: "warning",
    });
  } catch {
    // It has said why.
    process.exit(1);
  }
  return outfile;
}

const plugin = `import plugin from ${JSON.stringify(resolve(main))};`;

if (mode === "describe") {
  const file = await bundle(
    "describe",
    `${plugin}
     import { exportsOf } from ${kit("plugin.js")};
     if (!plugin?.tools) throw new Error("the file must \`export default plugin({...})\`");
     console.log(JSON.stringify({ exports: exportsOf(plugin) }));`,
  );
  // Node would not load the same file again, but this process ends with it.
  await import(pathToFileURL(file));
} else {
  const [wit, world, out, ...capabilities] = rest;
  const imports = {
    request: "fusebox:plugin/request@0.1.0",
    notifications: "fusebox:plugin/notifications@0.1.0",
    clock: "wasi:clocks/monotonic-clock@0.2.12",
    ...(capabilities.includes("config") && { config: "wasi:config/store@0.2.0-rc.1" }),
    ...(capabilities.includes("keyvalue") && {
      store: "wasi:keyvalue/store@0.2.0-draft",
      atomics: "wasi:keyvalue/atomics@0.2.0-draft",
    }),
    ...(capabilities.includes("trace") && { trace: "fusebox:plugin/trace@0.1.0" }),
    ...(capabilities.includes("sockets") && {
      network: "wasi:sockets/instance-network@0.2.12",
      names: "wasi:sockets/ip-name-lookup@0.2.12",
      tcp: "wasi:sockets/tcp-create-socket@0.2.12",
    }),
  };
  const sockets = capabilities.includes("sockets") ? "sockets: { network, names, tcp }, " : "";
  // componentize-js makes the class of a resource of its methods, and none for one without
  // any: its own code, which has globals of its own, looks for this one in vain.
  const classes = sockets
    ? `network.instanceNetwork.constructor("return globalThis")()
         .import_network_0_2_12$Network = class Network {};`
    : "";
  const lines = Object.entries(imports).map(([name, from]) => `import * as ${name} from "${from}";`);
  const file = await bundle(
    "component",
    `${lines.join("\n")}
     ${plugin}
     import { serve } from ${kit("component.js")};
     ${classes}
     export const { tools, resources, prompts, completions } =
       serve(plugin, { ${sockets}${Object.keys(imports).join(", ")} });`,
  );
  const library = join(modules, "@bytecodealliance/componentize-js/src/componentize.js");
  const { componentize } = await import(pathToFileURL(library));
  try {
    const { component } = await componentize({
      sourcePath: file,
      witPath: wit,
      worldName: world,
      // `fetch` sends requests: it is there for those who ask for it.
      disableFeatures: capabilities.includes("http") ? ["fetch-event"] : ["http", "fetch-event"],
    });
    await writeFile(out, component);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
