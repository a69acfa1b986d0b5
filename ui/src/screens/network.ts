// What the map draws of hubs and flows; nothing here draws.
import { DELAY_BOUNDS, LOAD_BOUNDS, type Point, boxOf, curve, stepOf } from "../flows.ts";
import { type Flow, type Hub, hubKey } from "../live.ts";
import type { Box } from "../parts/map.tsx";

export const CHINA: Box = [74, 17, 135, 53];

export function fitsHub(hub: Hub, sought: string, carrier: string): boolean {
  if (carrier && hub.carrier !== carrier) return false;
  return `${hub.name} ${hub.facility} ${hub.city ?? ""}`.toLowerCase().includes(sought.trim().toLowerCase());
}

const pointOf = (hub: Hub): Point | null => (hub.longitude === null || hub.latitude === null ? null : [hub.longitude, hub.latitude]);

export function boxOfHubs(hubs: Hub[], margin = 2): Box | null {
  const box = boxOf(hubs.map(pointOf).filter((each) => each !== null));
  return box && [box[0] - margin, Math.max(box[1] - margin, -80), box[2] + margin, Math.min(box[3] + margin, 82)];
}

/** So many can be told apart on a map; the table has all of them. */
export const MOST_RINGS = 200;
export const MOST_LINES = 300;

/** Rings of the busiest, and of the one that is chosen: the greater the more parcels are inside, the stronger the fuller. */
export function drawHubs(hubs: Hub[], chosen: string | null): GeoJSON.FeatureCollection {
  const most = Math.max(1, ...hubs.map((each) => each.inside));
  const busiest = hubs.length > MOST_RINGS ? hubs.toSorted((a, b) => b.arrived_24h - a.arrived_24h).slice(0, MOST_RINGS) : hubs;
  const shown = busiest.some((each) => hubKey(each) === chosen) ? busiest : [...busiest, ...hubs.filter((each) => hubKey(each) === chosen)];
  const features = shown.flatMap((hub): GeoJSON.Feature[] => {
    const point = pointOf(hub);
    if (!point) return [];
    const radius = 4 + 12 * Math.sqrt(hub.inside / most);
    const properties = { key: hubKey(hub), name: hub.name, radius, step: stepOf(hub.load, LOAD_BOUNDS), chosen: hubKey(hub) === chosen };
    return [{ type: "Feature", properties, geometry: { type: "Point", coordinates: point } }];
  });
  return { type: "FeatureCollection", features };
}

/** Lines of the busiest: the wider the more moved, the stronger the more are late. Flows to where nobody knows are in the table alone. */
export function drawFlows(flows: Flow[], hubs: Hub[]): GeoJSON.FeatureCollection {
  const points = new Map(hubs.map((each) => [hubKey(each), pointOf(each)]));
  const most = Math.max(1, ...flows.map((each) => each.moved_24h));
  const busiest = flows.length > MOST_LINES ? flows.toSorted((a, b) => b.moved_24h - a.moved_24h).slice(0, MOST_LINES) : flows;
  const features = busiest.flatMap((flow): GeoJSON.Feature[] => {
    const [from, to] = [points.get(`${flow.carrier}/${flow.origin}`), points.get(`${flow.carrier}/${flow.destination}`)];
    if (!from || !to || flow.moved_24h === 0 || (from[0] === to[0] && from[1] === to[1])) return [];
    const width = 0.8 + 5 * Math.sqrt(flow.moved_24h / most);
    return [{ type: "Feature", properties: { width, step: stepOf(flow.delayed, DELAY_BOUNDS) }, geometry: { type: "LineString", coordinates: curve(from, to) } }];
  });
  return { type: "FeatureCollection", features };
}

export function flowName(flow: Flow, names: Map<string, string>): string {
  const name = (code: string) => names.get(`${flow.carrier}/${code}`) ?? code;
  return `${name(flow.origin)} → ${name(flow.destination)}`;
}
