import type { Place } from "./api.ts";
import type { Words } from "./words.ts";

/** A place as people call it: facility, city, country. */
export function placeText(place: Place | null | undefined, words: Words): string {
  if (!place) return "";
  const parts = [place.name ?? place.facility, place.city, place.country && words.country(place.country)];
  return parts.filter((each, at) => each && parts.indexOf(each) === at).join(" · ");
}

/** The area of a lane, such as CN-浙江. */
export function areaText(area: string, words: Words): string {
  const [country = "", ...rest] = area.split("-");
  const name = words.country(country);
  return rest.length > 0 ? `${rest.join("-")} (${country})` : name;
}

/** The areas of a lane for a list, in which both are often of one country. */
export const laneText = (origin: string, destination: string, words: Words): string =>
  `${areaText(origin, words)} → ${areaText(destination, words)}`;
