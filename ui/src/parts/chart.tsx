import { HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useShared } from "../state.tsx";
import { tone } from "../tones.ts";

echarts.use([
  ...[HeatmapChart, LineChart, ScatterChart, CanvasRenderer, AriaComponent, GridComponent, LegendComponent],
  ...[MarkLineComponent, TooltipComponent, VisualMapComponent],
]);

export type Option = echarts.EChartsCoreOption;

/** A chart; a table with the same figures stands beside it. `make` is asked again when the theme changes. */
export default function Chart({ make, label, height = 280 }: { make: () => Option; label: string; height?: number }) {
  const { theme } = useShared();
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!frame.current) return;
    const chart = echarts.init(frame.current);
    chart.setOption({
      animation: false,
      textStyle: { color: tone("muted"), fontFamily: "system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif" },
      aria: { enabled: true, label: { description: label } },
      ...make(),
    });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(frame.current);
    return () => {
      watch.disconnect();
      chart.dispose();
    };
  }, [make, label, theme]);
  return <div ref={frame} className="chart-frame" style={{ height }} role="img" aria-label={label} />;
}
