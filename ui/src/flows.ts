// Lines of flows on the map: curved, so that both ways are seen, and over the date line where that is nearer.

export type Point = [number, number];

/** The longitude nearest to another; it may lie beyond 180. */
export function nearest(longitude: number, to: number): number {
  return longitude + 360 * Math.round((to - longitude) / 360);
}

const STEPS = 16;
/** How far a line bends away from the straight, as a share of its length. */
const BEND = 0.16;

export function curve(from: Point, to: Point): Point[] {
  const [x0, y0] = from;
  const [x1, y1] = [nearest(to[0], x0), to[1]];
  const [dx, dy] = [x1 - x0, y1 - y0];
  const [mx, my] = [(x0 + x1) / 2 - dy * BEND, Math.max(-84, Math.min(84, (y0 + y1) / 2 + dx * BEND))];
  return Array.from({ length: STEPS + 1 }, (_, step): Point => {
    const t = step / STEPS;
    const at = (a: number, b: number, c: number) => (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t ** 2 * c;
    return [at(x0, mx, x1), at(y0, my, y1)];
  });
}

/** The smallest box around points, as [west, south, east, north]; null without any. */
export function boxOf(points: Point[]): [number, number, number, number] | null {
  if (points.length === 0) return null;
  const [xs, ys] = [points.map((each) => each[0]), points.map((each) => each[1])];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Five steps of how full a hub is, or of how many are late: 0 is little. */
export function stepOf(share: number | null, bounds: readonly number[]): number | null {
  return share === null ? null : bounds.filter((bound) => share >= bound).length;
}

export const LOAD_BOUNDS = [0.4, 0.7, 0.9, 1] as const;
export const DELAY_BOUNDS = [0.05, 0.15, 0.3, 0.5] as const;
