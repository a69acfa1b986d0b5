// One parcel: where it is, when it comes and why, its way and all that was scanned.
import { useMemo, useState } from "react";
import type { Arrival, Found, Parcel as ParcelRecord, ParcelArrival, Place, Reason, Scan, Timeline } from "../api.ts";
import { Link } from "../parts/link.tsx";
import { Notice } from "../parts/notice.tsx";
import { Sign } from "../parts/sign.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { placeText } from "../place.ts";
import { at } from "../route.ts";
import { useAsk, usePhrase, useShared, useWords } from "../state.tsx";
import type { Key } from "../words.ts";

export function Parcel({ carrier, number }: { carrier: string; number: string }) {
  const words = useWords();
  const path = `/v1/parcels/${encodeURIComponent(number)}`;
  const asked = useAsk<Found>(path);
  const timeline = useAsk<{ timelines: Timeline[] }>(`${path}/timeline`, { carrier });
  const arrival = useAsk<{ parcels: ParcelArrival[] }>(`${path}/arrival`, { carrier });
  const parcel = asked.value?.parcels.find((each) => each.carrier === carrier && each.number === number)
    ?? asked.value?.parcels.find((each) => each.numbers.some((alias) => alias.carrier === carrier && alias.number === number));
  const scans = timeline.value?.timelines.find((each) => each.parcel_id === parcel?.id)?.scans;
  const told = arrival.value?.parcels.find((each) => each.parcel_id === parcel?.id);
  return (
    <>
      <p className="note"><Link to={at("/parcels")}>← {words.say("parcels")}</Link></p>
      {!parcel && <Notice of={asked} />}
      {asked.value && !parcel && (
        <section className="panel">
          <p>{words.say("not_of_carrier", { carrier, number })}</p>
          <ul>
            {asked.value.parcels.map((each) => (
              <li key={each.id}><Link to={at(`/parcels/${encodeURIComponent(each.carrier)}/${encodeURIComponent(each.number)}`)}>{each.carrier_name} <span className="number">{each.number}</span></Link></li>
            ))}
          </ul>
        </section>
      )}
      {parcel && (
        <div className="pair below">
          <div className="stack">
            <Head parcel={parcel} told={told} />
            <section className="panel"><h2>{words.say("facts")}</h2><Facts parcel={parcel} /></section>
          </div>
          <section className="panel"><h2>{words.say("way")}</h2>{scans ? <Way scans={scans} arrival={told?.arrival ?? null} /> : <Notice of={timeline} />}</section>
        </div>
      )}
      {scans && <Scans scans={scans} />}
    </>
  );
}

function Head({ parcel, told }: { parcel: ParcelRecord; told: ParcelArrival | undefined }) {
  const words = useWords();
  const phrase = usePhrase();
  const status = phrase(parcel.status);
  return (
    <section className="panel">
      <p className="note">{parcel.carrier_name}{parcel.order_number && ` · ${words.say("order_number")} ${parcel.order_number}`}</p>
      <h1 className="number">{parcel.number}</h1>
      <div className="verdict">
        <Sign shape={parcel.shape} />
        <div>
          <h2>{status.label}</h2>
          <p>{status.sentence}</p>
          <p><time dateTime={parcel.status_at} title={parcel.status_at}>{words.stamp(parcel.status_at)}</time>{parcel.place && ` · ${placeText(parcel.place, words)}`}</p>
        </div>
      </div>
      {told?.arrival ? <Window arrival={told.arrival} /> : parcel.promised_by && <p className="note">{words.say("promised_by", { at: words.stamp(parcel.promised_by) })}</p>}
    </section>
  );
}

function Window({ arrival }: { arrival: Arrival }) {
  const words = useWords();
  return (
    <div className={`eta${arrival.likely_late ? " is-late" : ""}`}>
      <b>{words.say("arrives", { since: words.stamp(arrival.p10_at), until: words.stamp(arrival.p90_at) })}</b>
      <p className="note">{words.say("eight_of_ten")} {words.say("by_scan", { at: words.stamp(arrival.scanned_at) })}</p>
      {arrival.promised_by && <p>{words.say("promised_by", { at: words.stamp(arrival.promised_by) })}{arrival.late !== null && ` · ${words.say("late_share", { share: words.percent(arrival.late) })}`}</p>}
      {arrival.wrong !== null && <p>{words.say("wrong_share", { share: words.percent(arrival.wrong) })}</p>}
      {arrival.reasons.length > 0 && (
        <ul>{arrival.reasons.map((each) => <li key={`${each.code} ${each.at}`}>{reasonText(each, words)}</li>)}</ul>
      )}
    </div>
  );
}

const REASONS: Record<string, Key> = {
  late_handover: "reason_late_handover",
  waited: "reason_waited",
  slow_leg: "reason_slow_leg",
  missed_cutoff: "reason_missed_cutoff",
  left_behind: "reason_left_behind",
  customs: "reason_customs",
  failed_attempt: "reason_failed_attempt",
  storm: "reason_storm",
  snow: "reason_snow",
  flood: "reason_flood",
  heat: "reason_heat",
  silent: "reason_silent",
};

function reasonText(reason: Reason, words: ReturnType<typeof useWords>): string {
  const key = REASONS[reason.code];
  const place = placeText(reason.place, words);
  return [key ? words.say(key) : reason.code, place, `+${words.hours(reason.hours)}`].filter(Boolean).join(" · ");
}

function Facts({ parcel }: { parcel: ParcelRecord }) {
  const words = useWords();
  const facts: [Key, string | null][] = [
    ["numbers", parcel.numbers.map((each) => `${each.carrier} ${each.number}`).join(", ")],
    ["origin", placeText(parcel.origin, words)],
    ["destination", placeText(parcel.destination, words)],
    ["first_scan", words.stamp(parcel.first_at)],
    ["last_scan", words.stamp(parcel.last_at)],
    ["scans", words.number(parcel.scans)],
    ["weight", parcel.weight_g === null ? null : words.say("grams", { count: parcel.weight_g })],
    ["note", parcel.note],
  ];
  return (
    <dl className="facts">
      {facts.map(([key, value]) => value && <div key={key}><dt>{words.say(key)}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}

interface Stop {
  place: Place;
  since: string;
  until: string;
  carrier: string;
}

/** Where it was, in order: scans at one place after another are one stop. */
export function stopsOf(scans: Scan[]): Stop[] {
  const stops: Stop[] = [];
  for (const scan of [...scans].reverse()) {
    if (!scan.place || scan.status === "void") continue;
    const last = stops.at(-1);
    if (last && last.carrier === scan.carrier && last.place.facility === scan.place.facility && last.place.city === scan.place.city) last.until = scan.at;
    else stops.push({ place: scan.place, since: scan.at, until: scan.at, carrier: scan.carrier });
  }
  return stops;
}

function Way({ scans, arrival }: { scans: Scan[]; arrival: Arrival | null }) {
  const words = useWords();
  const stops = useMemo(() => stopsOf(scans), [scans]);
  const stayed = (stop: Stop) => (Date.parse(stop.until) - Date.parse(stop.since)) / 3_600_000;
  return (
    <ol className="rail">
      {stops.map((stop, place) => {
        const before = stops[place - 1];
        return (
          <li key={stop.since}>
            <time dateTime={stop.since} title={stop.since}>{words.stamp(stop.since)}</time>
            <span className="dot" />
            <div>
              {placeText(stop.place, words)}
              {before && before.carrier !== stop.carrier && <span className="flag">{words.say("handed_over", { carrier: stop.carrier })}</span>}
              {stayed(stop) >= 0.1 && <small> {words.say("stayed", { span: words.hours(stayed(stop)) })}</small>}
            </div>
          </li>
        );
      })}
      {arrival?.next_scan_by && (
        <li className="is-predicted"><time dateTime={arrival.next_scan_by}>{words.stamp(arrival.next_scan_by)}</time><span className="dot" /><div>{words.say("next_scan_by")}</div></li>
      )}
      {arrival && (
        <li className="is-predicted"><time dateTime={arrival.p50_at}>{words.stamp(arrival.p50_at)}</time><span className="dot" /><div>{words.say("arrival_middle")}</div></li>
      )}
    </ol>
  );
}

function Scans({ scans }: { scans: Scan[] }) {
  const { words, statuses } = useShared();
  const phrase = usePhrase();
  const [raw, setRaw] = useState(false);
  const columns: Column<Scan>[] = [
    { name: words.say("time"), width: "150px", show: (each) => <time dateTime={each.at} title={each.utc}>{words.stamp(each.at)}</time> },
    { name: words.say("status"), width: "minmax(160px, 1fr)", show: (each) => (raw ? <code>{each.code}</code> : <><Sign shape={statuses.get(each.status)?.shape ?? "idle"} /><span>{phrase(each.status).label}</span></>) },
    { name: words.say("place"), width: "minmax(180px, 1.5fr)", show: (each) => placeText(each.place, words) || "–" },
    { name: words.say("carrier"), width: "80px", show: (each) => each.carrier },
    { name: words.say("note"), width: "minmax(200px, 2fr)", show: (each) => <span title={each.note ?? ""}>{each.note}{each.flags.map((flag) => <span className="flag" key={flag}>{flag}</span>)}{each.corrects && <span className="flag">{words.say("corrects")}</span>}</span> },
  ];
  return (
    <section className="panel below">
      <div className="panel-tools">
        <h2>{words.say("scans")}</h2>
        <button type="button" aria-pressed={raw} onClick={() => setRaw(!raw)}>{words.say("as_sent")}</button>
      </div>
      <Table label={words.say("scans")} rows={scans} columns={columns} keyOf={(each) => each.id} height={520} />
    </section>
  );
}
