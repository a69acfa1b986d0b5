import { type GeoJSONSource, Map as Chart, type MapLayerMouseEvent, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { useEffect, useRef } from "react";
import { BASE } from "../route.ts";
import { useShared } from "../state.tsx";
import { tone } from "../tones.ts";

setWorkerUrl(workerUrl);

export type Box = [number, number, number, number];

interface Given {
  label: string;
  hubs: GeoJSON.FeatureCollection;
  flows: GeoJSON.FeatureCollection;
  box: Box | null;
  choose: (key: string) => void;
}

const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const STEPS = ["step-0", "step-1", "step-2", "step-3", "step-4"];

function stepped(property: string) {
  const shades = STEPS.map((each, step) => [step, tone(each)] as [number, string]).flat();
  return ["match", ["coalesce", ["get", property], -1], ...shades, tone("idle")];
}

function styleOf(): unknown {
  const calm = { "line-opacity-transition": { duration: 0 } };
  return {
    version: 8,
    sources: {
      world: { type: "geojson", data: `${location.origin}${BASE}/basemap.json`, attribution: "Natural Earth" },
      flows: { type: "geojson", data: NOTHING },
      hubs: { type: "geojson", data: NOTHING },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": tone("sea") } },
      { id: "land", type: "fill", source: "world", filter: ["==", ["get", "kind"], "land"], paint: { "fill-color": tone("land"), "fill-antialias": false } },
      { id: "border", type: "line", source: "world", filter: ["==", ["get", "kind"], "border"], paint: { "line-color": tone("border"), "line-width": 0.8 } },
      { id: "flows", type: "line", source: "flows", layout: { "line-cap": "round" }, paint: { "line-color": stepped("step"), "line-width": ["get", "width"], "line-opacity": 0.75, ...calm } },
      { id: "hubs", type: "circle", source: "hubs", paint: { "circle-radius": ["get", "radius"], "circle-color": tone("card"), "circle-opacity": 0.85, "circle-stroke-color": stepped("step"), "circle-stroke-width": ["case", ["get", "chosen"], 6, 3] } },
      { id: "names", type: "symbol", source: "hubs", minzoom: 3.2, layout: { "text-field": ["get", "name"], "text-size": 12, "text-offset": [0, 1.1], "text-anchor": "top", "symbol-sort-key": ["-", 0, ["get", "radius"]] }, paint: { "text-color": tone("text"), "text-halo-color": tone("land"), "text-halo-width": 1.4 } },
    ],
  };
}

/** The network on a map. The table beside it has the same rows: nothing is told here alone. */
export default function NetworkMap({ label, hubs, flows, box, choose }: Given) {
  const { theme, words } = useShared();
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const newest = useRef({ hubs, flows, choose });
  newest.current = { hubs, flows, choose };

  useEffect(() => {
    if (!frame.current) return;
    const map = new Chart({
      container: frame.current,
      style: styleOf() as never,
      bounds: box ?? [-170, -50, 190, 72],
      fitBoundsOptions: { padding: 40 },
      fadeDuration: 0,
      attributionControl: { compact: false },
      locale: { "Map.Title": words.say("map") },
      dragRotate: false,
      pitchWithRotate: false,
      maxZoom: 11,
    });
    map.touchZoomRotate.disableRotation();
    chart.current = map;
    map.on("load", () => show(map, newest.current));
    map.on("click", "hubs", (event: MapLayerMouseEvent) => {
      const key: unknown = event.features?.[0]?.properties["key"];
      if (typeof key === "string") newest.current.choose(key);
    });
    map.once("idle", () => frame.current?.setAttribute("data-ready", "true"));
    return () => {
      chart.current = null;
      map.remove();
    };
    // the box is followed below; a new theme draws all anew
  }, [theme]);

  useEffect(() => {
    if (chart.current?.isStyleLoaded()) show(chart.current, { hubs, flows });
  }, [hubs, flows]);

  const at = box?.join();
  useEffect(() => {
    if (box) chart.current?.fitBounds(box, { padding: 40, duration: 0 });
  }, [at]);

  return <div className="map" ref={frame} role="region" aria-label={label} />;
}

function show(map: Chart, { hubs, flows }: { hubs: GeoJSON.FeatureCollection; flows: GeoJSON.FeatureCollection }): void {
  (map.getSource("hubs") as GeoJSONSource | undefined)?.setData(hubs);
  (map.getSource("flows") as GeoJSONSource | undefined)?.setData(flows);
}
