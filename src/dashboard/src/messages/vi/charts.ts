import type { Messages } from '../messages.ts'

export const charts: Messages['charts'] = {
  all: 'Tất cả',
  asTable: (name) => `${name} dưới dạng bảng`,
  brushable: (name) => `${name}. Dùng Shift và các phím mũi tên để chọn khoảng thời gian, Enter để áp dụng`,
  brushHint: 'Kéo để chọn khoảng thời gian',
  choosing: 'Thả chuột hoặc nhấn Enter để áp dụng; Escape để hủy',
  none: 'không có',
  time: 'Thời gian',
}
