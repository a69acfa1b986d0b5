// Packs what was built, so that the server need not for every answer.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const LEAST = 1024;
const place = fileURLToPath(new URL("../src/waypost/web/static/console", import.meta.url));

for (const name of readdirSync(place, { recursive: true, encoding: "utf8" })) {
  const file = join(place, name);
  if (!/\.(js|mjs|css|html|json|svg)$/.test(name) || statSync(file).size < LEAST) continue;
  const whole = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(whole, { level: 9 }));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
  writeFileSync(`${file}.br`, brotliCompressSync(whole, { params: quality }));
}
