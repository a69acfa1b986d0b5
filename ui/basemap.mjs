// Makes the map of the world that lies under the network: Natural Earth, by the package world-atlas, cut along 180°,
// since a flat map draws a ring that crosses it as a band around the world.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { geoEquirectangular } from "d3-geo";
import { geoProject } from "d3-geo-projection";
import { feature, mesh } from "topojson-client";

const SOURCE = "Natural Earth 1:50m, de facto borders";
const atlas = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("world-atlas/countries-50m.json"), "utf8"));
const flat = geoEquirectangular().scale(180 / Math.PI).translate([0, 0]).precision(0);

/** Points to a twentieth of a degree, each once; what is smaller than that, such as most islets, is gone. */
const STEP = 20;
function coarse(shape, closed) {
  if (typeof shape[0][0] !== "number") {
    const parts = shape.map((each) => coarse(each, closed)).filter((each) => each.length > 0);
    return parts;
  }
  const points = shape.map(([x, y]) => [Math.round(x * STEP) / STEP, -Math.round(y * STEP) / STEP || 0]);
  const kept = points.filter((each, place) => place === 0 || each[0] !== points[place - 1][0] || each[1] !== points[place - 1][1]);
  return kept.length < (closed ? 8 : 2) ? [] : kept;
}

function cut(shape) {
  const found = geoProject(shape, flat);
  return { ...found, coordinates: coarse(found.coordinates, shape.type === "MultiPolygon") };
}

const land = feature(atlas, atlas.objects.land).features[0].geometry;
const borders = mesh(atlas, atlas.objects.countries, (one, other) => one !== other);
const features = [
  { type: "Feature", properties: { kind: "land" }, geometry: cut(land) },
  { type: "Feature", properties: { kind: "border" }, geometry: cut(borders) },
];
const to = fileURLToPath(new URL("./public/basemap.json", import.meta.url));
mkdirSync(dirname(to), { recursive: true });
writeFileSync(to, JSON.stringify({ type: "FeatureCollection", source: SOURCE, features }));
