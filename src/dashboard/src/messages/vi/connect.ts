import type { Messages } from '../messages.ts'

export const connect: Messages['connect'] = {
  title: 'Kết nối engine của bạn',
  hint: 'Engine báo cáo bằng client có sẵn. Lượt chạy xuất hiện tại đây ngay từ sự kiện đầu tiên.',
  client: 'Bạn đang dùng gì?',
  settingsOf: (client) => `Cấu hình cho ${client}`,
  places: {
    environment: 'Đặt các giá trị này nơi engine chạy',
    spark: 'Trong spark-defaults.conf',
    flink: 'Trong cấu hình của Flink',
    shell: 'Từ shell hoặc bất kỳ chương trình nào',
  },
  makeKey: 'Tạo khóa cho engine',
  copy: 'Sao chép cấu hình',
  keyNeeded: 'Không có khóa riêng, client sẽ bị từ chối.',
  keyMade: 'Khóa chỉ hiện một lần: hãy sao chép trước khi rời trang. Khóa chỉ báo cáo lượt chạy và không đọc gì.',
  mayMakeNoKey: 'Bạn không được tạo khóa: hãy nhờ người có quyền keys:write tạo giúp.',
  waiting: 'Đang chờ sự kiện đầu tiên …',
  hasCome: 'Đã báo cáo:',
}
